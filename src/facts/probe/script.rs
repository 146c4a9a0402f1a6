//! The probe as a shell script: what is asked, then the text that answers it.

use std::collections::BTreeSet;

use super::answer::{END, mark};
use super::ask::host_limit;
use super::{GROUPS, Questions};
use crate::cluster::Layout;
use crate::remote::host_lock;
use crate::text::sh_quote;

/// Shell variables that say what is asked.
pub(super) struct Variables(String);

impl Variables {
    /// One value.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.0.push_str(&format!("{name}={}\n", sh_quote(value)));
    }

    /// Several, one a line. A name with a line break cannot be asked about and is left out.
    pub(super) fn list<'a>(&mut self, name: &str, items: impl IntoIterator<Item = &'a String>) {
        let items: BTreeSet<_> = items.into_iter().map(String::as_str).filter(|item| !item.contains('\n')).collect();
        self.set(name, &items.into_iter().collect::<Vec<_>>().join("\n"));
    }
}

/// The script that answers all questions in one round trip; [`super::parse`] reads what it prints with the same nonce.
///
/// POSIX sh with coreutils, grep, iproute2 and systemd, as root. It changes nothing but that it writes each asked
/// kernel setting's own value back to see whether it can. The text goes to its shell by the environment, which only
/// root can read: so the nonce stays unknown to others, and `timeout` can end it.
pub fn script(questions: &Questions, layout: &Layout, nonce: &str) -> String {
    let mut variables = Variables(String::new());
    variables.set("mark", &mark(nonce));
    variables.set("bin", &layout.bin);
    variables.set("records", &layout.records);
    for group in &GROUPS {
        (group.ask)(questions, layout, &mut variables);
    }
    let mut body = variables.0;
    body.push_str(include_str!("frame.sh"));
    for group in &GROUPS {
        body.push_str(group.shell);
    }
    body.push_str(include_str!("texts.sh"));
    body.push_str(&format!("section {END}\ndate +%s%N\n"));
    let look = if questions.wait { host_lock::look() } else { String::new() };
    let seconds = host_limit(questions).as_secs();
    format!("{look}KB_PROBE={} timeout -k 5 {seconds} /bin/sh -c 'eval \"$KB_PROBE\"'\n", sh_quote(&body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_host_stays_far_below_one_argument() {
        let path = |i: u32| format!("/var/lib/kubernetes/some-longer-directory/than-usual/certificate-{i}.kubeconfig");
        let questions = Questions { files: (0..200).map(path).collect(), ..Questions::default() };
        let text = script(&questions, &Layout::standard(), "n");
        assert!(sh_quote(&text).len() < 64 << 10, "{} bytes", text.len());
    }

    #[test]
    fn a_name_with_a_line_break_is_not_asked() {
        let mut variables = Variables(String::new());
        variables.list("x", &["/a\n/b".to_string(), "/c".to_string()]);
        assert_eq!(variables.0, "x='/c'\n");
    }
}
