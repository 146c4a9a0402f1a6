//! Completions work in the shells themselves, and the manual pages are what man and mandoc take without a word.

use std::fs;
use std::process::{Command, Output};

use kbootstrap::cli;

fn kbootstrap(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_kbootstrap")).args(args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// What a command of this machine says; one that is not there fails the test.
fn run(program: &str, args: &[&str]) -> Output {
    Command::new(program).args(args).output().unwrap_or_else(|e| panic!("{program}: {e}: tools/setup.sh installs it"))
}

fn text(output: Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The commands that `--help` lists.
fn commands() -> Vec<String> {
    let root = cli::command();
    root.get_subcommands().filter(|sub| !sub.is_hide_set()).map(|sub| sub.get_name().to_owned()).collect()
}

#[test]
fn bash_completes_commands_options_and_values() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("kbootstrap");
    fs::write(&script, kbootstrap(&["completions", "bash"])).unwrap();
    let complete = |words: &[&str]| {
        // As bash calls it for TAB behind the last word: by the function that the script has registered.
        let ask = r#"set -u
source "$1"
shift
[[ $(complete -p kbootstrap) =~ -F\ ([a-z_]+) ]] || exit 1
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
"${BASH_REMATCH[1]}" kbootstrap "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\n' "${COMPREPLY[@]}""#;
        let script = script.to_str().unwrap();
        let args = [&["--norc", "-c", ask, "bash", script], words].concat();
        text(run("bash", &args)).lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>()
    };
    let all = complete(&["kbootstrap", ""]);
    let missing: Vec<String> = commands().into_iter().filter(|name| !all.contains(name)).collect();
    assert!(missing.is_empty(), "{missing:?} are not in {all:?}");
    assert_eq!(complete(&["kbootstrap", "artifacts", "f"]), ["fetch"]);
    assert_eq!(complete(&["kbootstrap", "plan", "--exit"]), ["--exit-code"]);
    assert_eq!(complete(&["kbootstrap", "completions", "z"]), ["zsh"]);
}

#[test]
fn fish_completes_commands_and_options() {
    let script = kbootstrap(&["completions", "fish"]);
    let complete = |line: &str| {
        let said = text(run("fish", &["--no-config", "-c", &format!("{script}\ncomplete -C '{line}'")]));
        said.lines().filter_map(|line| line.split('\t').next().map(str::to_owned)).collect::<Vec<_>>()
    };
    let all = complete("kbootstrap ");
    let missing: Vec<String> = commands().into_iter().filter(|name| !all.contains(name)).collect();
    assert!(missing.is_empty(), "{missing:?} are not in {all:?}");
    assert_eq!(complete("kbootstrap artifacts f"), ["fetch"]);
    assert_eq!(complete("kbootstrap plan --exit"), ["--exit-code"]);
}

#[test]
fn zsh_loads_the_function_and_takes_it_for_kbootstrap() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("_kbootstrap"), kbootstrap(&["completions", "zsh"])).unwrap();
    // compinit registers by the first line; `autoload +X` parses the function; all commands are in it.
    let ask = "fpath=($1 $fpath); autoload -Uz compinit && compinit -D -u\n\
               print ${_comps[kbootstrap]}; autoload +X -Uz _kbootstrap && functions _kbootstrap";
    let said = text(run("zsh", &["-f", "-c", ask, "zsh", folder.path().to_str().unwrap()]));
    assert_eq!(said.lines().next(), Some("_kbootstrap"));
    let missing: Vec<String> = commands().into_iter().filter(|name| !said.contains(&format!("({name})"))).collect();
    assert!(missing.is_empty(), "{missing:?} are not in {said}");
}

#[test]
fn man_takes_every_page_without_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let listed = kbootstrap(&["man", folder.path().to_str().unwrap()]);
    let pages: Vec<&str> = listed.lines().collect();
    assert!(pages.len() > commands().len(), "{pages:?}");
    let lint = run("mandoc", &[&["-T", "lint", "-W", "warning"], &pages[..]].concat());
    let lint = String::from_utf8(lint.stdout).unwrap();
    // The generator sets one line break too many around lists of values; it does not show.
    let wrong: Vec<&str> = lint.lines().filter(|line| !line.contains("skipping paragraph macro: br")).collect();
    assert_eq!(wrong, Vec::<&str>::new());
    for page in pages {
        let shown = run("man", &["--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", page]);
        assert_eq!((shown.status.success(), String::from_utf8(shown.stderr).unwrap()), (true, String::new()), "{page}");
    }
    let up = text(run("mandoc", &["-T", "ascii", folder.path().join("kbootstrap-up.1").to_str().unwrap()]));
    let up = without_overstrikes(&up);
    let examples = up.split("\nEXAMPLES\n").nth(1).unwrap_or_else(|| panic!("{up}"));
    assert!(examples.lines().any(|line| line.trim() == "kbootstrap up -i prod.yaml"), "{up}");
}

/// Without the backspaces of bold and underlined letters.
fn without_overstrikes(text: &str) -> String {
    let mut plain = String::new();
    for letter in text.chars() {
        if letter == '\u{8}' {
            plain.pop();
        } else {
            plain.push(letter);
        }
    }
    plain
}

#[test]
fn the_page_of_the_program_goes_to_standard_output() {
    let page = kbootstrap(&["man"]);
    assert!(page.contains(".TH kbootstrap 1") && page.contains("kbootstrap\\-up(1)"), "{page}");
    let changelog = include_str!("../CHANGELOG.md");
    let newest = changelog.lines().filter_map(|line| line.strip_prefix("## [")).nth(1).unwrap();
    let (version, date) = newest.split_once("] - ").unwrap();
    assert_eq!(version, env!("CARGO_PKG_VERSION"), "CHANGELOG.md and Cargo.toml name different versions");
    assert!(page.contains(date) && page.contains(&format!("kbootstrap {version}")), "{date}: {page}");
}
