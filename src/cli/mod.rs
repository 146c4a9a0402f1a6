//! The command line: one file per command, which parses, calls the library and prints.

mod artifacts;
mod certs;
mod cfssl;
mod cluster;
mod completions;
mod confirm;
mod context;
mod format;
mod interrupt;
mod lab;
mod man;
mod password;
mod pki;
mod process;
mod progress;

use std::ffi::OsString;
use std::path::Path;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

pub use context::Ctx;
pub use format::FormatArgs;

use crate::cfssl::face::{PROGRAMS, Program};
use crate::components::Catalogue;
use crate::engine::confined;
use crate::error::Result;
use crate::secret::quoted;
use crate::text::shown_line;
use crate::ui::{Printer, stderr_color};

/// PKI and Kubernetes cluster bootstrap, the binary way
#[derive(Debug, Parser)]
#[command(
    name = "kbootstrap",
    version,
    max_term_width = 100,
    after_help = "Examples:
  # write an inventory
  kbootstrap init -o prod.yaml --master 10.0.0.11 --node 10.0.0.21
  # what would go wrong
  kbootstrap check -i prod.yaml
  # bring the cluster up; run it as often as you like
  kbootstrap up -i prod.yaml
  # how it is
  kbootstrap status -i prod.yaml
  # no machines at hand? three throwaway hosts
  kbootstrap lab up -n 3

`kbootstrap COMMAND --help` has more of them. Exit codes: 0 done, 2 command line, 3 input file, 4 certificates, \
5 connection, 6 host, 7 health, 8 programs, 9 refused by a running cluster, 10 something would change (plan --exit-code, pki apply --dry-run --exit-code), \
130 interrupted."
)]
struct Cli {
    /// Never use colour (so does the environment variable NO_COLOR)
    #[arg(long, global = true, display_order = 900)]
    no_color: bool,
    #[command(subcommand)]
    command: Command,
}

/// Every command once, with its arguments; the order is the one of `--help`.
macro_rules! commands {
    ($($name:ident($args:ty),)*) => {
        #[derive(Debug, Subcommand)]
        enum Command {
            $($name($args),)*
        }

        impl Command {
            fn run(self, ctx: &Ctx) -> Result<u8> {
                match self {
                    $(Command::$name(args) => args.run(ctx),)*
                }
            }
        }
    };
}

commands! {
    Init(cluster::init::Args),
    Check(cluster::check::Args),
    Artifacts(artifacts::Args),
    Plan(cluster::plan::Args),
    Up(cluster::up::Args),
    Status(cluster::status::Args),
    Verify(cluster::verify::Args),
    Render(cluster::render::Args),
    Kubeconfig(cluster::kubeconfig::Args),
    Recover(cluster::recover::Args),
    Node(cluster::node::Args),
    Reset(cluster::reset::Args),
    Lab(lab::Args),
    Pki(pki::hierarchy::Args),
    Gencert(pki::gencert::Args),
    Genkey(pki::genkey::Args),
    Gencsr(pki::gencsr::Args),
    Sign(pki::sign::Args),
    Selfsign(pki::selfsign::Args),
    Gencrl(pki::gencrl::Args),
    Bundle(certs::bundle::Args),
    Certinfo(certs::certinfo::Args),
    Certlint(certs::certlint::Args),
    PrintDefaults(pki::print_defaults::Args),
    Cfssl(cfssl::programs::Cfssl),
    Cfssljson(cfssl::programs::Cfssljson),
    CfsslCertinfo(cfssl::programs::Certinfo),
    InstallLinks(cfssl::install_links::Args),
    Completions(completions::Args),
    Man(man::Args),
}

/// The command line as clap knows it, for its documentation and tests.
pub fn command() -> clap::Command {
    Cli::command()
}

/// Parses the command line and runs the command; the value is the exit code.
pub fn run(args: Vec<OsString>) -> Result<u8> {
    process::protect();
    if let Some((program, rest)) = as_cfssl(&args) {
        return Ok(program.run(rest, Printer::new(true)));
    }
    if args.get(1).is_some_and(|argument| argument == confined::ARGUMENT) {
        let answer = confined::answer(&Catalogue::standard())?;
        return Printer::new(true).bytes(&answer).map(|()| 0);
    }
    let no_color = wants_no_color(&args);
    let choice = if no_color { clap::ColorChoice::Never } else { clap::ColorChoice::Auto };
    let args = crate::cfssl::args::rewrite(args);
    let parsed = match quickly(&args) {
        Some(cli) => Ok(cli),
        None => command().color(choice).try_get_matches_from(&args).and_then(|matches| Cli::from_arg_matches(&matches)),
    };
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => {
            // clap knows whether it is help (standard output, 0) or a mistake (standard error, 2).
            let error = cleaned(suggest(error, takes_inventory(&args), takes_a_spec(&args)));
            if error.use_stderr() {
                let _ = error.print();
                return Ok(2);
            }
            Printer::new(no_color).written(|| error.print())?;
            return Ok(0);
        }
    };
    let ctx = Ctx { out: Printer::new(cli.no_color), err_color: stderr_color(cli.no_color) };
    cli.command.run(&ctx)
}

/// The commands that scripts call hundreds of times, without setting up the others: that takes longer than to sign.
/// None where it is another command, or where there is something to be said of the command line.
fn quickly(args: &[OsString]) -> Option<Cli> {
    #[derive(Parser)]
    struct Only<C: clap::Args> {
        #[arg(long)]
        no_color: bool,
        #[command(flatten)]
        args: C,
    }
    fn parse<C: clap::Args>(args: &[OsString], command: fn(C) -> Command) -> Option<Cli> {
        let only = Only::try_parse_from(args).ok()?;
        Some(Cli { no_color: only.no_color, command: command(only.args) })
    }
    let args = args.get(1..)?;
    match args.first()?.to_str()? {
        "gencert" => parse(args, Command::Gencert),
        "genkey" => parse(args, Command::Genkey),
        "sign" => parse(args, Command::Sign),
        _ => None,
    }
}

/// Whether it was called as one of cfssl's programs, by its own name or as `kbootstrap cfssl`; with what follows.
fn as_cfssl(args: &[OsString]) -> Option<(Program, &[OsString])> {
    let (called, rest) = args.split_first()?;
    if let Some(program) = Program::by_path(Path::new(called)) {
        return Some((program, rest));
    }
    let (first, rest) = rest.split_first()?;
    let program = PROGRAMS.iter().find(|(name, _)| first == name)?.1;
    // `--help` is kbootstrap's own.
    (rest.first().is_none_or(|arg| arg != "--help")).then_some((program, rest))
}

/// Whether `--no-color` is among the arguments, for what is printed where they were not understood.
pub fn wants_no_color(args: &[OsString]) -> bool {
    args.iter().any(|arg| arg == "--no-color")
}

/// Whether the command that is called names its inventory with `-i`.
fn takes_inventory(args: &[OsString]) -> bool {
    called(args).is_some_and(|command| command.get_arguments().any(|arg| arg.get_short() == Some('i')))
}

/// The command that is called, where there is one of that name.
fn called(args: &[OsString]) -> Option<clap::Command> {
    let name = args.iter().skip(1).filter_map(|arg| arg.to_str()).find(|arg| !arg.starts_with('-'))?;
    command().find_subcommand(name).cloned()
}

/// Whether the command that is called takes one CSR spec, and no more.
fn takes_a_spec(args: &[OsString]) -> bool {
    called(args).is_some_and(|command| command.get_arguments().any(|arg| arg.get_id() == "csr_spec"))
}

/// What was typed is quoted, and may be a file's name that somebody else has chosen, or a key in the place of a file.
fn cleaned(mut error: clap::Error) -> clap::Error {
    let one = |text: &str| quoted::masked(&shown_line(text), quoted::is_in(text));
    let hides = |text: &str| quoted::masked(text, quoted::is_in(text)) != text;
    let clean = |value: &ContextValue| match value {
        ContextValue::String(text) => Some(ContextValue::String(one(text))),
        ContextValue::Strings(all) => Some(ContextValue::Strings(all.iter().map(|text| one(text)).collect())),
        ContextValue::StyledStr(text) if hides(&text.to_string()) => {
            Some(ContextValue::StyledStr(one(&text.to_string()).into()))
        }
        ContextValue::StyledStrs(all) if all.iter().any(|text| hides(&text.to_string())) => {
            Some(ContextValue::StyledStrs(all.iter().map(|text| one(&text.to_string()).into()).collect()))
        }
        _ => None,
    };
    let all: Vec<_> = error.context().filter_map(|(kind, value)| Some((kind, clean(value)?))).collect();
    for (kind, value) in all {
        error.insert(kind, value);
    }
    error
}

/// `kbootstrap check prod.yaml`: the likeliest mistake of all.
fn suggest(mut error: clap::Error, takes_inventory: bool, takes_a_spec: bool) -> clap::Error {
    if let Some(ContextValue::String(arg)) = error.get(ContextKind::InvalidArg) {
        let is_file = [".yaml", ".yml", ".json"].iter().any(|end| arg.ends_with(end));
        let tip = match (takes_inventory, takes_a_spec) {
            (true, _) => Some(format!("the inventory is named with `-i {arg}`")),
            (_, true) => Some("it takes one CSR spec: each has a call of its own".to_owned()),
            _ => None,
        };
        let tip = match arg.strip_prefix("--") {
            Some(flag) => Some(flag).filter(|_| takes_a_spec).and_then(said_elsewhere).map(str::to_owned),
            None => tip.filter(|_| is_file),
        };
        if error.kind() == ErrorKind::UnknownArgument
            && let Some(tip) = tip
        {
            error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
        }
    }
    error
}

/// What flags of other programs say, and where it is said here.
fn said_elsewhere(flag: &str) -> Option<&'static str> {
    Some(match flag {
        "days" | "expiry" | "validity" | "not-after" => {
            "how long it lives is the `expiry` of the profile (-config), with -initca that of the spec's `ca`"
        }
        "key" | "inkey" => "a new key is made; for a key that is there: gencsr makes a CSR, sign a certificate of it",
        "san" | "sans" | "dns" | "ip" | "host" | "hosts" | "addext" => {
            "names and addresses are the spec's `hosts`, or -hostname A,B"
        }
        "subj" | "subject" | "names" => "the subject is the spec's `CN` and `names`",
        "algo" | "size" | "newkey" => "the key is the spec's `key`: {\"algo\": \"rsa\", \"size\": 4096}",
        "passin" | "passout" | "password" | "pass" => {
            "passwords are read from files (--key-password-file, --ca-key-password-file), variables or the terminal"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_quickly_is_read_as_slowly() {
        let words = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
        for line in [
            "kbootstrap gencert --initca ca.json --out ca",
            "kbootstrap gencert --ca a --ca-key b --config c --profile d e.json --no-color --names crt --out x",
            "kbootstrap genkey a.json --loglevel 2",
            "kbootstrap sign --ca a --ca-key b a.csr",
        ] {
            let quickly = quickly(&words(line)).expect(line);
            assert_eq!(format!("{quickly:?}"), format!("{:?}", Cli::try_parse_from(words(line)).unwrap()), "{line}");
        }
        for line in [
            "kbootstrap",
            "kbootstrap up",
            "kbootstrap gencert",
            "kbootstrap gencert --help",
            "kbootstrap sign --bogus x",
        ] {
            assert!(quickly(&words(line)).is_none(), "{line}");
        }
    }
}
