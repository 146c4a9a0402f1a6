//! `kbootstrap completions`.

use clap_complete::shells::{Bash, Fish, Zsh};
use clap_complete::{Generator, generate};

use super::Ctx;
use crate::error::Result;

/// Print a script that lets a shell complete commands and options
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  kbootstrap completions bash \\
    > /usr/share/bash-completion/completions/kbootstrap
  kbootstrap completions zsh > /usr/local/share/zsh/site-functions/_kbootstrap
  kbootstrap completions fish > ~/.config/fish/completions/kbootstrap.fish")]
pub struct Args {
    /// Which shell
    shell: Shell,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

impl Args {
    /// Runs the command; the value is the exit code.
    pub fn run(self, ctx: &Ctx) -> Result<u8> {
        let script = match self.shell {
            Shell::Bash => script(Bash),
            Shell::Zsh => script(Zsh),
            Shell::Fish => script(Fish),
        };
        ctx.out.bytes(&script)?;
        Ok(0)
    }
}

fn script(shell: impl Generator) -> Vec<u8> {
    let mut script = Vec::new();
    generate(shell, &mut super::command(), "kbootstrap", &mut script);
    script
}
