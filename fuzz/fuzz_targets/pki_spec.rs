//! Specifications of `pki apply`: refused with all mistakes, or a plan for an empty folder in which CAs come first.
#![no_main]

use std::path::Path;

use kbootstrap::hierarchy::{Action, Found, Kind, Options, decide, parse};
use libfuzzer_sys::fuzz_target;
use time::OffsetDateTime;

fuzz_target!(|data: &[u8]| {
    let Ok(loaded) = parse("fuzz", data, Path::new("/nowhere")) else { return };
    let hierarchy = &loaded.hierarchy;
    let found = vec![Found::default(); hierarchy.items.len()];
    let plan = decide(hierarchy, &found, &Options::default(), OffsetDateTime::UNIX_EPOCH);
    assert_eq!(plan.steps.len(), hierarchy.items.len());
    for (item, step) in hierarchy.items.iter().zip(&plan.steps) {
        assert!(item.external || step.action == Action::Make || !plan.problems.is_empty(), "{step:?}");
        assert!(item.issuer.is_none_or(|issuer| hierarchy.items[issuer].kind == Kind::Authority));
    }
});
