//! What `--help` says: the text of every command is held, and each has an example that its own parser takes.

use clap::Command;
use kbootstrap::cli;

/// All commands with their full names, those below others too.
fn commands() -> Vec<(String, Command)> {
    fn below(name: &str, command: &Command, all: &mut Vec<(String, Command)>) {
        all.push((name.to_owned(), command.clone()));
        for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
            below(&format!("{name} {}", sub.get_name()), sub, all);
        }
    }
    let mut root = cli::command();
    root.build();
    let mut all = Vec::new();
    below("kbootstrap", &root, &mut all);
    all
}

/// What the program prints for `--help`.
fn help(name: &str) -> String {
    let words: Vec<&str> = name.split(' ').chain(["--help"]).collect();
    let root = cli::command().term_width(100).color(clap::ColorChoice::Never);
    let text = root.try_get_matches_from(words).unwrap_err().to_string();
    text.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

/// Command lines of kbootstrap in a text of examples: without comments, continued lines joined, pipes and `$(…)` apart.
pub fn command_lines(text: &str) -> Vec<String> {
    let continued = regex::Regex::new(r"\s*\\\n\s*").unwrap();
    let joined = continued.replace_all(text, " ").replace("$(", "\n").replace(")\"", "\n");
    let starts = joined.lines().flat_map(|line| line.split(['|', '&', ';'])).map(str::trim);
    let own =
        starts.map(|part| part.trim_start_matches("Example:").trim()).filter(|part| part.starts_with("kbootstrap "));
    let bare = own.map(|part| part.split("  ").next().unwrap_or(part).split(" #").next().unwrap_or(part));
    bare.map(|part| part.split(" > ").next().unwrap_or(part).trim().to_owned()).collect()
}

/// What the parser says against a command line; nothing when it takes it.
pub fn refused(line: &str) -> Option<String> {
    let words = shlex::split(line)?.into_iter().map(Into::into).collect();
    let words: Vec<std::ffi::OsString> = kbootstrap::cfssl::args::rewrite(words);
    cli::command().try_get_matches_from(words).err().map(|e| format!("{line}\n{e}"))
}

#[test]
fn every_command_has_an_example_that_works() {
    for (name, command) in commands() {
        let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let examples = command_lines(&after);
        assert!(examples.iter().any(|line| line.starts_with(&name)), "{name}: no example in\n{after}");
        let refused: Vec<String> = examples.iter().filter_map(|line| refused(line)).collect();
        assert!(refused.is_empty(), "{}", refused.join("\n"));
    }
}

/// So that they can be pasted, and so that no paragraph breaks twice.
#[test]
fn examples_fit_into_a_terminal_and_paragraphs_flow() {
    for (name, command) in commands() {
        let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let lines: Vec<&str> = after.lines().collect();
        let wide: Vec<_> = lines.iter().filter(|l| l.starts_with(' ') && l.chars().count() > 80).collect();
        assert!(wide.is_empty(), "{name}: {wide:#?}");
        let is_prose = |line: &str| !line.is_empty() && !line.starts_with(' ') && !line.starts_with("Example");
        let broken = lines.windows(2).find(|pair| is_prose(pair[0]) && is_prose(pair[1]));
        assert_eq!(broken, None, "{name}: a paragraph of two lines");
    }
}

#[test]
fn every_option_is_explained_and_none_is_abbreviated_twice() {
    for (name, command) in commands() {
        for argument in command.get_arguments() {
            let id = argument.get_id();
            assert!(argument.get_help().is_some(), "{name}: {id} is not explained");
        }
    }
}

#[test]
fn o_json_is_the_same_everywhere() {
    let without = [
        // `-o` names what is written.
        "kbootstrap init",
        "kbootstrap render",
        "kbootstrap artifacts bundle",
    ];
    for (name, command) in commands() {
        let Some(output) = command.get_arguments().find(|a| a.get_short() == Some('o')) else { continue };
        let values: Vec<_> = output.get_possible_values().iter().map(|v| v.get_name().to_owned()).collect();
        if without.contains(&name.as_str()) {
            assert!(values.is_empty(), "{name}: {values:?}");
        } else if name == "kbootstrap certinfo" {
            assert_eq!(values, ["text", "wide", "details", "json", "yaml"]);
        } else {
            assert_eq!((values, output.get_long()), (vec!["text".into(), "json".into()], Some("output")), "{name}");
        }
    }
}

#[test]
fn help_of_all_commands() {
    let rule = "=".repeat(100);
    let all: String = commands().iter().map(|(name, _)| format!("{rule}\n{name} --help\n\n{}", help(name))).collect();
    insta::assert_snapshot!("help", all);
}

#[test]
fn no_line_of_help_is_wider_than_the_terminal() {
    for (name, _) in commands() {
        let wide = help(&name).lines().find(|line| line.chars().count() > 100).map(str::to_owned);
        assert_eq!(wide, None, "{name}");
    }
}
