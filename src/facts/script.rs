//! The probe as a shell script: what is asked, then the text that answers it (`probe.sh`).

use std::collections::BTreeSet;

use super::{CERTIFICATE_BYTES, PROGRAMS, Questions, RECORD_FORMAT, RECORD_FROM};
use crate::cluster::Layout;
use crate::remote::host_lock;
use crate::text::sh_quote;

/// The script that answers all questions in one round trip; [`super::parse`] reads what it prints.
///
/// POSIX sh with coreutils, iproute2 and systemd, as root. It changes nothing but that it writes each asked kernel
/// setting's own value back to see whether it can. A name with a line break cannot be asked about and is left out.
pub fn script(questions: &Questions, layout: &Layout) -> String {
    let sysctls: BTreeSet<_> = questions.sysctls.iter().map(|name| name.replace('.', "/")).collect();
    let programs: BTreeSet<_> = PROGRAMS.iter().map(|name| name.to_string()).collect();
    let mut script = String::new();
    let mut set = |name: &str, value: &str| script.push_str(&format!("{name}={}\n", sh_quote(value)));
    set("bin", &layout.bin);
    set("records", &layout.records);
    set("runtime", &layout.containerd_socket());
    set("record_format", RECORD_FORMAT);
    set("record_from", &RECORD_FROM.to_string());
    set("rehash", if questions.rehash { "yes" } else { "" });
    set("files", &lines(&questions.files));
    set("certificates", &lines(&questions.certificates));
    set("certificate_bytes", &CERTIFICATE_BYTES.to_string());
    let encryption = questions.encryption.as_deref().filter(|path| !path.contains('\n'));
    set("encryption", encryption.unwrap_or_default());
    set("dirs", &lines(&questions.dirs));
    set("listings", &lines(&questions.listings));
    set("disk", &lines(&questions.disk));
    set("units", &lines(&questions.units));
    set("modules", &lines(&questions.modules));
    set("module_pattern", &module_pattern(&questions.modules));
    set("sysctls", &lines(&sysctls));
    set("users", &lines(&questions.users));
    set("data_plane", questions.data_plane.as_deref().unwrap_or_default());
    set("programs", &lines(&programs));
    if questions.wait {
        script.push_str(&host_lock::wait());
    }
    script.push_str(include_str!("probe.sh"));
    script
}

fn lines(items: &BTreeSet<String>) -> String {
    let items: Vec<_> = items.iter().map(String::as_str).filter(|item| !item.contains('\n')).collect();
    items.join("\n")
}

/// An extended regular expression for the modules' files; a module `br_netfilter` may lie in `br-netfilter.ko`.
fn module_pattern(modules: &BTreeSet<String>) -> String {
    let plain = |name: &&String| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let names: Vec<_> = modules.iter().filter(plain).map(|name| name.replace('_', "[-_]")).collect();
    format!("/({})[.]ko", names.join("|"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_host_stays_far_below_one_argument() {
        let path = |i: u32| format!("/var/lib/kubernetes/some-longer-directory/than-usual/certificate-{i}.kubeconfig");
        let questions = Questions { files: (0..200).map(path).collect(), ..Questions::default() };
        let text = script(&questions, &Layout::standard());
        assert!(sh_quote(&text).len() < 48 << 10, "{} bytes", text.len());
    }

    #[test]
    fn a_name_with_a_line_break_is_not_asked() {
        assert_eq!(lines(&["/a\n/b".to_string(), "/c".to_string()].into()), "/c");
    }

    #[test]
    fn module_files_are_found_under_either_spelling() {
        let modules = ["br_netfilter".to_string(), "overlay".to_string(), "a.*|b".to_string()].into();
        assert_eq!(module_pattern(&modules), "/(br[-_]netfilter|overlay)[.]ko");
    }
}
