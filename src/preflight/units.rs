//! Files of others by which systemd would run something else than what was rendered.

use super::finding::HostCheck;

pub(super) fn check(check: &mut HostCheck) {
    let layout = &check.cluster.layout;
    let units: Vec<String> = check.catalogue.units(check.cluster, check.host).map(|(_, unit)| unit.name()).collect();
    for unit in units {
        overrides(check, &unit);
        additions(check, &unit);
        let file = format!("{}/{unit}", layout.units);
        let before = check.facts.units.get(&unit).and_then(|fact| fact.goes_before(&file)).map(str::to_owned);
        if let Some(path) = before {
            check.fail(
                "units",
                format!("systemd takes {unit} from {path}, which goes before {file}"),
                format!(
                    "`rm {path} && systemctl daemon-reload`, or look with `systemctl cat {unit}` who puts it there"
                ),
            );
        }
    }
}

/// What kubeadm or a package has left, mostly: beside it ours would not run, or something else would.
fn overrides(check: &mut HostCheck, unit: &str) {
    for (path, settings) in check.facts.overrides(unit) {
        check.fail(
            "units",
            format!("{path} changes what {unit} runs ({})", settings.join(", ")),
            format!(
                "`mv {path} {path}.off && systemctl daemon-reload`; what is to be set otherwise goes into the inventory \
                 (`components`)"
            ),
        );
    }
}

fn additions(check: &mut HostCheck, unit: &str) {
    for (path, settings) in check.facts.additions(unit) {
        let what = if settings.is_empty() { "nothing".to_owned() } else { settings.join(", ") };
        check.warn(
            "units",
            format!("{path} adds to {unit} ({what})"),
            format!("it stays; look with `systemctl cat {unit}` whether it still fits"),
        );
    }
}
