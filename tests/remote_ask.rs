//! The prompt on a real terminal: nothing that is typed shows.

use std::fs;
use std::io::{Read, Write};
use std::process::{Command, Stdio};

use kbootstrap::remote::{Interrupt, Prompt, Terminal};

const TYPED: &str = "correct horse";
const ANSWER_FILE: &str = "KBOOTSTRAP_TEST_ANSWER";

#[test]
fn a_passphrase_is_read_from_the_terminal_without_showing_it() {
    let folder = tempfile::tempdir().unwrap();
    let answer = folder.path().join("answer");
    let inner = format!(
        "{} --ignored --exact --nocapture remote_ask::inside_the_terminal",
        std::env::current_exe().unwrap().display()
    );
    let mut terminal = Command::new("script")
        .args(["-qfec", &inner, "/dev/null"])
        .env(ANSWER_FILE, &answer)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("script, of the Debian package bsdutils");
    let mut screen = terminal.stdout.take().unwrap();
    let (mut shown, mut piece) = (Vec::new(), [0; 256]);
    let mut keyboard = terminal.stdin.take();
    while let Ok(count @ 1..) = screen.read(&mut piece) {
        shown.extend_from_slice(&piece[..count]);
        if shown.ends_with(b"passphrase: ")
            && let Some(mut keyboard) = keyboard.take()
        {
            keyboard.write_all(format!("{TYPED}\n").as_bytes()).unwrap();
        }
    }
    assert!(terminal.wait().unwrap().success(), "{}", String::from_utf8_lossy(&shown));
    assert_eq!(fs::read_to_string(answer).unwrap(), TYPED);
    assert!(!String::from_utf8_lossy(&shown).contains(TYPED));
}

/// Runs within the terminal that the test above makes.
#[test]
#[ignore = "started by the test above, and by nobody else"]
fn inside_the_terminal() {
    let file = std::env::var_os(ANSWER_FILE).expect("the test above says where the answer goes");
    let answer = Terminal.ask("passphrase: ", &Interrupt::new()).unwrap().unwrap();
    fs::write(file, answer.expose()).unwrap();
}
