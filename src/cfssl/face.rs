//! cfssl itself: as `cfssl`, `cfssljson` and `cfssl-certinfo`, with Go's flags and cfssl's words.

use std::ffi::OsString;
use std::path::Path;

use time::OffsetDateTime;

use crate::cfssl::answers::failure::Failure;
use crate::cfssl::answers::log::Log;
use crate::cfssl::call::Call;
use crate::cfssl::command::{self, COMMANDS, Command};
use crate::cfssl::flags::{self, CFSSL, CFSSLJSON};
use crate::cfssl::go::{
    self,
    flag::{Flag, Parsed, Stop},
};
use crate::pki::Rules;
use crate::secret::quoted;
use crate::text::shown_line;
use crate::ui::{Printer, stderr};

/// One of cfssl's programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// All commands.
    Cfssl,
    /// Writes files out of JSON.
    Cfssljson,
    /// `cfssl certinfo` alone.
    Certinfo,
}

/// All of them, with the names that they are called by.
pub const PROGRAMS: [(&str, Program); 3] =
    [("cfssl", Program::Cfssl), ("cfssljson", Program::Cfssljson), ("cfssl-certinfo", Program::Certinfo)];

impl Program {
    /// By the last part of a path: `/usr/local/bin/cfssl`.
    pub fn by_path(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        PROGRAMS.iter().find(|(known, _)| *known == name).map(|(_, program)| *program)
    }

    /// Runs it with the arguments after its name; the value is the exit code: 0, 1, or 2 for flags that are wrong.
    pub fn run(self, args: &[OsString], out: Printer) -> u8 {
        let args: Vec<_> = args.iter().map(|arg| go::file::text(arg)).collect();
        match self {
            Program::Cfssl => cfssl(&args, out),
            Program::Cfssljson => cfssljson(&args, out),
            Program::Certinfo => match COMMANDS.iter().find(|command| command.name == "certinfo") {
                Some(command) => run(command, &args, out),
                None => 1,
            },
        }
    }
}

fn cfssl(args: &[String], out: Printer) -> u8 {
    let parsed = match go::flag::parse(&[], args) {
        Ok(parsed) => parsed,
        Err(stop) => return stopped(stop, &overview()),
    };
    let Some((name, rest)) = parsed.args.split_first() else {
        stderr::text(&format!("No command is given.\n{}", overview()));
        return 1;
    };
    match COMMANDS.iter().find(|command| command.name == name) {
        Some(command) => run(command, rest, out),
        None => {
            stderr::text(&format!("Command {} is not defined.\n{}", shown_line(name), overview()));
            1
        }
    }
}

fn run(command: &Command, args: &[String], out: Printer) -> u8 {
    match go::flag::parse(&CFSSL, args) {
        Ok(flags) => finish(call(flags, out).and_then(|mut call| {
            call.load_config()?;
            (command.run)(&mut call)
        })),
        Err(stop) => stopped(stop, &help(command)),
    }
}

fn cfssljson(args: &[String], out: Printer) -> u8 {
    let usage = "Usage of cfssljson: cfssljson [-f FILE] [-bare] [-stdout] [BASENAME]\n".to_owned();
    match go::flag::parse(&CFSSLJSON, args) {
        Ok(flags) => finish(call(flags, out).and_then(|mut call| command::cfssljson(&mut call))),
        Err(stop) => stopped(stop, &(usage + &flag_list(&CFSSLJSON))),
    }
}

fn call(mut flags: Parsed, out: Printer) -> Result<Call, Failure> {
    let args = std::mem::take(&mut flags.args);
    let level = flags.number("loglevel").unwrap_or(1);
    let rules = if flags.on("strict") { Rules::Strict } else { Rules::Lenient };
    let log = Log::new(u8::try_from(level.clamp(0, 9)).unwrap_or(1));
    Ok(Call { flags, args, log, out, rules, config: None, now: OffsetDateTime::now_utc() })
}

/// Go ends with 2 after a mistake, and with 0 after help.
fn stopped(stop: Stop, help: &str) -> u8 {
    match stop {
        Stop::Help => {
            stderr::text(help);
            0
        }
        Stop::Wrong(words) => {
            stderr::text(&format!("{}\n{help}", shown_line(&words)));
            2
        }
    }
}

fn finish(result: Result<(), Failure>) -> u8 {
    match result {
        Ok(()) => 0,
        Err(failure) => {
            let words = failure.to_string();
            if !words.is_empty() {
                stderr::text(&(quoted::masked(&words, quoted::is_in(&words)) + "\n"));
            }
            1
        }
    }
}

fn overview() -> String {
    let commands = COMMANDS.iter().map(|command| format!("\t{:<16}{}\n", command.name, command.about));
    format!("Usage:\nAvailable commands:\n{}Top-level flags:\n", commands.collect::<String>())
}

fn help(command: &Command) -> String {
    let calls: String = command.usage.iter().map(|line| format!("        {line}\n")).collect();
    let own: Vec<_> = CFSSL.into_iter().filter(|flag| command.flags.contains(&flag.name) || always(flag)).collect();
    let (name, about) = (command.name, command.about);
    format!("\tcfssl {name} -- {about}\n\nUsage of {name}:\n{calls}\nFlags:\n{}", flag_list(&own))
}

fn always(flag: &Flag) -> bool {
    matches!(flag.name, "loglevel" | "strict")
}

fn flag_list(flags: &[Flag]) -> String {
    flags.iter().map(flags::help).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_known_by_their_names() {
        assert_eq!(Program::by_path(Path::new("/usr/bin/cfssl")), Some(Program::Cfssl));
        assert_eq!(Program::by_path(Path::new("cfssl-certinfo")), Some(Program::Certinfo));
        assert_eq!(Program::by_path(Path::new("./kbootstrap")), None);
    }

    #[test]
    fn every_command_mentions_flags_that_there_are() {
        for command in &COMMANDS {
            for name in command.flags {
                assert!(CFSSL.iter().any(|flag| flag.name == *name), "{} -{name}", command.name);
            }
        }
    }

    #[test]
    fn help_names_calls_and_flags() {
        let genkey = COMMANDS.iter().find(|command| command.name == "genkey").unwrap();
        insta::assert_snapshot!(help(genkey), @r#"
        	cfssl genkey -- make a key and a CSR

        Usage of genkey:
                cfssl genkey CSRJSON
                cfssl genkey -initca CSRJSON

        Flags:
          -initca=false: make a self-signed CA
          -loglevel=1: 0 debug, 1 information, 2 warnings, 3 errors, 4 and 5 nothing
          -strict=false: refuse what is only warned of (not in cfssl)
        "#);
    }
}
