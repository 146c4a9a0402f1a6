//! Hosts compared.

use super::*;

fn across(change: impl FnOnce(&mut Cluster, &mut BTreeMap<String, HostFacts>)) -> Vec<String> {
    let mut cluster = cluster();
    let mut facts = cluster.hosts.iter().map(|host| (host.name.clone(), good(host))).collect();
    change(&mut cluster, &mut facts);
    let findings = check_all(&Catalogue::standard(), &cluster, &facts);
    findings.iter().map(|f| format!("{:?} {f}", f.severity)).collect()
}

#[test]
fn hosts_are_compared() {
    assert_eq!(across(|_, _| {}), Vec::<String>::new());
    let clones = across(|_, facts| {
        let id = facts["n1"].machine_id.clone();
        let n2 = facts.get_mut("n2").unwrap();
        n2.machine_id = id;
        n2.hostname = "n1".into();
    });
    insta::assert_snapshot!(clones.join("\n"), @r"
    Warn n2: hostname: the host calls itself n1; its node will be n2
    Fail n1: machine-id: its machine-id 00000000000000000000000000001144 is also that of n2: one is a copy of the other
    Fail n2: machine-id: its machine-id 00000000000000000000000000001144 is also that of n1: one is a copy of the other
    Warn n1: hostname: n2 calls itself n1, too
    Warn n2: hostname: n1 calls itself n1, too
    ");
}

#[test]
fn hardware_is_compared_where_the_cluster_uses_it() {
    let same = "02:00:00:00:00:09";
    let elsewhere = across(|_, facts| {
        for facts in facts.values_mut() {
            facts.hardware_addresses.insert("cni0".into(), same.into());
        }
    });
    assert_eq!(elsewhere, Vec::<String>::new());
    let clones = across(|_, facts| {
        for name in ["n1", "n2"] {
            let facts = facts.get_mut(name).unwrap();
            facts.hardware_addresses.insert("eth0".into(), same.into());
            facts.product_uuid = "03000200-0400-0500-0006-000700080009".into();
        }
    });
    insta::assert_snapshot!(clones.join("\n"), @r"
    Fail n1: hardware-address: its hardware address 02:00:00:00:00:09 is also that of n2: one is a copy of the other
    Fail n2: hardware-address: its hardware address 02:00:00:00:00:09 is also that of n1: one is a copy of the other
    Warn n1: product-uuid: its product UUID 03000200-0400-0500-0006-000700080009 is also that of n2: one is a copy of the other
    Warn n2: product-uuid: its product UUID 03000200-0400-0500-0006-000700080009 is also that of n1: one is a copy of the other
    ");
}

#[test]
fn a_master_is_not_doubted_for_what_a_node_says() {
    let clones = across(|_, facts| {
        let id = facts["m1"].machine_id.clone();
        facts.get_mut("n2").unwrap().machine_id = id.clone();
        facts.get_mut("n1").unwrap().machine_id = id;
    });
    assert!(clones.iter().all(|finding| !finding.contains("m1: ")) && clones.len() == 2, "{clones:#?}");
}

#[test]
fn the_one_clock_that_is_wrong_is_named() {
    let clocks = |m1: i64, n1: i64, n2: i64| {
        across(move |_, facts| {
            for (name, skew) in [("m1", m1), ("n1", n1), ("n2", n2)] {
                facts.get_mut(name).unwrap().clock_skew_ms = skew;
            }
        })
    };
    // All hosts agree; it is the operator's clock that is off, by less than certificates notice.
    assert_eq!(clocks(-1500, -1500, -1400), Vec::<String>::new());
    assert_eq!(clocks(0, 0, 700), ["Warn n2: clock-skew: the clock is 0.7 s ahead of that of n1"]);
    assert_eq!(clocks(1900, 0, -200), ["Warn m1: clock-skew: the clock is 1.9 s ahead of that of n1"]);
    let behind = clocks(0, 100, -2300);
    assert!(behind.contains(&"Fail n2: clock-skew: the clock is 2.3 s behind that of m1".to_string()), "{behind:?}");
}
