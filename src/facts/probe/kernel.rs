//! Kernel modules.

use std::collections::{BTreeMap, BTreeSet};

use super::answer::Sections;
use super::script::Variables;
use super::{Group, Questions};
use crate::cluster::Layout;
use crate::facts::{HostFacts, Module};

/// Modules.
pub(super) const GROUP: Group = Group { shell: include_str!("kernel.sh"), ask, read };

fn ask(questions: &Questions, _: &Layout, variables: &mut Variables) {
    variables.list("modules", &questions.modules);
    variables.set("module_pattern", &module_pattern(&questions.modules));
}

fn read(sections: &Sections, facts: &mut HostFacts) {
    facts.modules = modules(sections);
}

/// An extended regular expression for the modules' files; a module `br_netfilter` may lie in `br-netfilter.ko`.
fn module_pattern(modules: &BTreeSet<String>) -> String {
    let plain = |name: &&String| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let names: Vec<_> = modules.iter().filter(plain).map(|name| name.replace('_', "[-_]")).collect();
    format!("/({})[.]ko", names.join("|"))
}

/// Lines `present|loadable|missing name`, where a name may be the end of a file's path; a later line knows better.
fn modules(sections: &Sections) -> BTreeMap<String, Module> {
    let mut modules = BTreeMap::new();
    for (word, name) in sections.lines("modules").filter_map(|line| line.split_once(' ')) {
        let name = name.trim_start_matches('/').trim_end_matches(".ko").replace('-', "_");
        let module = match word {
            "present" => Module::Present,
            "loadable" => Module::Loadable,
            _ => Module::Missing,
        };
        let known = modules.entry(name).or_insert(module);
        if rank(module) > rank(*known) {
            *known = module;
        }
    }
    modules
}

fn rank(module: Module) -> u8 {
    match module {
        Module::Missing => 0,
        Module::Loadable => 1,
        Module::Present => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn module_files_are_found_under_either_spelling() {
        let modules = ["br_netfilter".to_string(), "overlay".to_string(), "a.*|b".to_string()].into();
        assert_eq!(module_pattern(&modules), "/(br[-_]netfilter|overlay)[.]ko");
    }
}
