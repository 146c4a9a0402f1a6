//! Every variable that a template of ours names is one that its context has.

use serde_json::Value;

use crate::cluster::{Balancer, Balancing, Role, VirtualAddress, example};
use crate::components::{Catalogue, api_balancer, api_virtual_address};
use crate::facts::{self, HostFacts};
use crate::render::balancing::{BalancerContext, HeldContext};
use crate::render::context::{Common, Context, KernelContext, Kubeconfig, ManifestContext, UnitContext};
use crate::render::templates::Templates;
use crate::state::HostState;

#[test]
fn templates_name_only_what_their_context_has() {
    let cluster = example::cluster("1.36.3");
    let all = context();
    let manifest = serde_json::to_value(ManifestContext::new(&Catalogue::standard(), &cluster).unwrap()).unwrap();

    let catalogue = Catalogue::standard();
    let templates = Templates::embedded(&catalogue);
    let mut seen = 0;
    for spec in &catalogue.components {
        for name in spec.template_names() {
            let own = if spec.objects.contains(&name) { &manifest } else { &all };
            for variable in templates.undeclared_variables(spec, name) {
                assert!(has(own, &variable), "{}/{name} names `{variable}`, which its context has not", spec.id);
                seen += 1;
            }
        }
    }
    assert!(seen > 50, "the lint saw only {seen} variables");
}

/// A context with everything in it.
fn context() -> Value {
    let cluster = example::cluster("1.36.3");
    let (host, facts) = (&cluster.hosts[0], HostFacts::default_host());
    let catalogue = Catalogue::standard();
    let decisions = facts::decide(&catalogue, &cluster, host, &facts);
    let common = Common::of(&cluster);
    let mut context = Context::new(&catalogue, &cluster, &common, host, &facts, decisions).unwrap();
    context.unit = Some(UnitContext { program: String::new(), flags: Vec::new(), restart_seconds: 1, part_of: None });
    context.kubeconfig = Some(Kubeconfig {
        server: String::new(),
        user: String::new(),
        ca: String::new(),
        certificate: String::new(),
        key: String::new(),
    });
    let mut balanced = cluster.clone();
    let address = VirtualAddress { address: [10, 0, 0, 9].into(), ..VirtualAddress::unknown() };
    balanced.balancing = Balancing { local: Some(Balancer::Haproxy), virtual_address: Some(address) };
    balanced.hosts[0].roles.insert(Role::Lb);
    let host = &balanced.hosts[0];
    context.balancer = BalancerContext::of(api_balancer::ID, &balanced, &facts);
    context.held = HeldContext::of(api_virtual_address::ID, &balanced, host, &facts);
    context.kernel = Some(KernelContext::of(&HostState::default(), std::iter::empty()));
    serde_json::to_value(&context).unwrap()
}

fn has(context: &Value, path: &str) -> bool {
    path.split('.').try_fold(context, |value, part| value.get(part)).is_some()
}

#[test]
fn every_component_lists_its_templates() {
    let catalogue = Catalogue::standard();
    let names = |id: &str| catalogue.get(id).unwrap().template_names();
    let of_kubelet = ["admission.yaml", "kubeconfig.yaml", "kubelet.flags", "kubelet.service", "kubelet.yaml"];
    assert_eq!(names("kubelet"), of_kubelet);
    assert_eq!(names("etcd"), ["etcd.flags", "etcd.service"]);
    assert_eq!(names("coredns"), ["coredns.yaml"]);
    assert!(catalogue.get("kubelet").unwrap().template("kubeconfig.yaml").unwrap().contains("kind: Config"));
}

/// A person who writes a template finds every name in the documentation, and every template of ours.
#[test]
fn the_documentation_names_all_of_them() {
    let text = include_str!("../../../docs/templates.md");
    for component in Catalogue::standard().known() {
        let row = format!("| {} |", component.name);
        let row = text.lines().find(|line| line.starts_with(&row)).expect("a row for each component");
        for name in component.templates {
            assert!(row.contains(&format!("`{name}`")), "docs/templates.md lacks {name} in: {row}");
        }
    }
    for (group, fields) in context().as_object().unwrap() {
        for field in fields.as_object().unwrap().keys() {
            assert!(text.contains(&format!("`{group}.{field}`")), "docs/templates.md lacks {group}.{field}");
        }
    }
}
