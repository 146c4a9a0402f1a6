//! Files of others that change what our units run.

use super::*;

const FOLDER: &str = "/etc/systemd/system/kubelet.service.d";

/// The findings where a drop-in of this name sets this.
fn with(name: &str, settings: &[&str]) -> Vec<String> {
    found("n1", |_, facts| {
        let path = format!("{FOLDER}/{name}");
        facts.units.insert("kubelet.service".into(), UnitFact { drop_ins: vec![path.clone()], ..unit("inactive") });
        facts.drop_ins.insert(path, settings.iter().map(|setting| (*setting).to_owned()).collect());
    })
}

#[test]
fn a_drop_in_that_changes_what_runs_stops_and_one_that_adds_to_it_is_said() {
    let kubeadm = with("10-kubeadm.conf", &["Environment", "ExecStart"]);
    assert_eq!(kubeadm, [format!("units Fail {FOLDER}/10-kubeadm.conf changes what kubelet.service runs (ExecStart)")]);
    let limits = with("limits.conf", &["LimitNOFILE"]);
    assert_eq!(limits, [format!("units Warn {FOLDER}/limits.conf adds to kubelet.service (LimitNOFILE)")]);
}

#[test]
fn a_unit_that_lies_where_systemd_looks_first_stops() {
    let from = |fragment: &str| {
        found("n1", |_, facts| {
            let fact = UnitFact { load: "loaded".into(), fragment: fragment.into(), ..unit("inactive") };
            facts.units.insert("kube-proxy.service".into(), fact);
        })
    };
    let transient = "/run/systemd/transient/kube-proxy.service";
    let expected = format!(
        "units Fail systemd takes kube-proxy.service from {transient}, which goes before /etc/systemd/system/kube-proxy.service"
    );
    assert_eq!(from(transient), [expected]);
    assert!(from("/lib/systemd/system/kube-proxy.service").is_empty(), "ours goes before it");
}
