//! One service's files: unit, configuration, kubeconfig.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::context::{Context, Kubeconfig, UnitContext};
use super::flags::Flags;
use super::{Inputs, encryption, yaml};
use crate::cluster::ComponentSettings;
use crate::cluster::merge::{Null, merge};
use crate::components::{ComponentSpec, ConfigSpec, Configured, Format, KubeconfigSpec, UnitSpec};
use crate::error::{Error, Result};
use crate::state::{Content, File, HostState, Unit};

/// Adds the component's files and its unit.
pub(super) fn add(
    state: &mut HostState,
    inputs: &Inputs<'_>,
    context: &Context<'_>,
    spec: &ComponentSpec,
) -> Result<()> {
    let layout = &inputs.cluster.layout;
    let settings = inputs.host.settings(spec.id.0);
    check_settings(spec, settings)?;

    let (mut restart_on, mut reload_on) = (BTreeSet::new(), BTreeSet::new());
    let mut makes = BTreeMap::new();
    let mut configs = BTreeMap::new();
    for config in spec.configs {
        let path = (config.path)(layout);
        if config.format == Format::Encryption {
            let content = match inputs.encryption_keys {
                [] => Content::ToIssue,
                keys => Content::Secret(encryption::configuration(keys, inputs.cluster.encrypt_secrets)),
            };
            let file = File { content, mode: 0o600, owner: "root".into() };
            state.files.insert(path, file);
            continue;
        }
        let text = render_config(inputs, context, spec, config, settings)?;
        if matches!(config.format, Format::YamlOrNone | Format::TextOrNone) && text.trim().is_empty() {
            continue;
        }
        configs.extend(value(config, &text).map(|value| (config.template, value)));
        state.files.insert(path.clone(), private(text));
        makes.extend(config.copied_to.map(|copy| (copy(layout), path.clone())));
        if spec.reloads { &mut reload_on } else { &mut restart_on }.insert(path);
    }
    let own = spec.kubeconfig.iter().map(|row| (row, true));
    for (row, restarts) in own.chain(spec.for_people.iter().map(|row| (row, false))) {
        let path = format!("{}/{}", layout.kubernetes, row.file);
        state.files.insert(path.clone(), kubeconfig(inputs, context, spec, row)?);
        if restarts {
            restart_on.insert(path);
        }
    }
    let Some(unit) = &spec.unit else { return Ok(()) };
    let (name, program) = (unit.name(), spec.program(inputs.cluster, unit));
    let path = format!("{}/{name}", layout.units);
    if spec.reloads { &mut reload_on } else { &mut restart_on }.extend((unit.watched_by_restart)(inputs.cluster));
    restart_on.insert(path.clone());
    let mut arguments = Vec::new();
    if !unit.is_timer() {
        restart_on.insert(program.clone());
    }
    if has_flags(spec, unit) {
        arguments = flags(inputs, context, spec, unit.program, settings)?.arguments();
    }
    let mut context = context.clone();
    let part_of = (spec.part_of)(inputs.cluster, inputs.host);
    context.unit = Some(UnitContext { program, flags: arguments, restart_seconds: unit.restart_seconds, part_of });
    let text = inputs.templates.render(inputs.host, spec, &name, &context)?;
    state.files.insert(path.clone(), private(text));
    state.units.push(Unit {
        name,
        file: path,
        component: spec.id,
        rollout: unit.rollout,
        restart_on,
        reload_on,
        makes,
        part_of,
        keeps: (spec.kernel.keeps)(&Configured { layout, configs: &configs }),
        without: spec.kernel.without,
    });
    Ok(())
}

/// A kubeconfig that names its certificates by path.
fn kubeconfig(inputs: &Inputs<'_>, context: &Context<'_>, spec: &ComponentSpec, row: &KubeconfigSpec) -> Result<File> {
    let pki = &inputs.cluster.layout.pki;
    let mut context = context.clone();
    context.kubeconfig = Some(Kubeconfig {
        server: if row.local { "https://127.0.0.1:6443".into() } else { inputs.cluster.endpoint_of_nodes().url() },
        user: row.user.into(),
        ca: format!("{pki}/ca.crt"),
        certificate: format!("{pki}/{}.crt", row.certificate),
        key: format!("{pki}/{}.key", row.certificate),
    });
    let text = inputs.templates.render(inputs.host, spec, "kubeconfig.yaml", &context)?;
    yaml::parse(&what(inputs, "kubeconfig.yaml"), &text)?;
    Ok(private(text))
}

/// A file of configuration: 0600 and root's (CIS 1.1.1 to 1.1.18, 4.1.1 to 4.1.10).
pub(super) fn private(text: String) -> File {
    File { content: Content::Text(text.into()), mode: 0o600, owner: "root".into() }
}

fn flags(
    inputs: &Inputs<'_>,
    context: &Context<'_>,
    spec: &ComponentSpec,
    program: &str,
    settings: Option<&ComponentSettings>,
) -> Result<Flags> {
    let name = format!("{program}.flags");
    let text = inputs.templates.render(inputs.host, spec, &name, context)?;
    let mut flags = Flags::parse(&what(inputs, &name), &text)?;
    if let Some(settings) = settings {
        flags.apply(spec, &settings.flags, &inputs.cluster.versions).map_err(|e| e.context(&inputs.host.name))?;
    }
    Ok(flags)
}

fn render_config(
    inputs: &Inputs<'_>,
    context: &Context<'_>,
    spec: &ComponentSpec,
    config: &ConfigSpec,
    settings: Option<&ComponentSettings>,
) -> Result<String> {
    let text = inputs.templates.render(inputs.host, spec, config.template, context)?;
    let what = what(inputs, config.template);
    let merged = |mut value: Value| {
        if let (Some(settings), Value::Object(fields)) = (settings, &mut value) {
            merge(fields, &settings.config, Null::Removes);
        }
        value
    };
    Ok(match config.format {
        Format::Text | Format::TextOrNone | Format::Encryption => text,
        Format::YamlOrNone if text.trim().is_empty() => text,
        Format::Yaml | Format::YamlOrNone => yaml::parse(&what, &text).map(|_| text)?,
        Format::Json => json(&what, &text).map(|_| text)?,
        Format::MergedYaml => yaml::write(&merged(yaml::parse(&what, &text)?)),
        Format::MergedJson => format!("{:#}\n", merged(json(&what, &text)?)),
    })
}

/// What a rendered file says.
fn value(config: &ConfigSpec, text: &str) -> Option<Value> {
    match config.format {
        Format::MergedYaml | Format::Yaml | Format::YamlOrNone => yaml::parse(config.template, text).ok(),
        Format::MergedJson | Format::Json => json(config.template, text).ok(),
        Format::Text | Format::TextOrNone | Format::Encryption => None,
    }
}

fn json(what: &str, text: &str) -> Result<Value> {
    serde_json::from_str(text).map_err(|e| Error::input(format!("{what} is not valid JSON: {e}")))
}

fn what(inputs: &Inputs<'_>, template: &str) -> String {
    format!("{}: template {template}", inputs.host.name)
}

/// Programs of packages take configuration files alone, and timers have no program.
fn has_flags(spec: &ComponentSpec, unit: &UnitSpec) -> bool {
    spec.packaged.is_none() && !unit.is_timer()
}

fn check_settings(spec: &ComponentSpec, settings: Option<&ComponentSettings>) -> Result<()> {
    let flagless = spec.unit.filter(|unit| !has_flags(spec, unit));
    if let Some(unit) = flagless.filter(|_| settings.is_some_and(|settings| !settings.flags.is_empty())) {
        let (name, what) = (spec.id, if unit.is_timer() { "is a timer and has" } else { "has" });
        let error = Error::input(format!("components.{name}.flags: {name} {what} no flags"));
        return Err(match unit.is_timer() {
            true => error,
            false => error.hint(format!("override one of its templates instead: {}", spec.template_names().join(", "))),
        });
    }
    let merged = |config: &ConfigSpec| matches!(config.format, Format::MergedYaml | Format::MergedJson);
    if settings.is_none_or(|settings| settings.config.is_empty()) || spec.configs.iter().any(merged) {
        return Ok(());
    }
    let name = spec.id;
    let error =
        Error::input(format!("components.{name}.config: {name} has no configuration that fields could be merged into"));
    let is_text = |config: &&ConfigSpec| matches!(config.format, Format::Text | Format::TextOrNone);
    Err(match spec.configs.iter().find(is_text) {
        Some(ConfigSpec { template, .. }) => {
            let format = template.rsplit('.').next().unwrap_or_default().to_uppercase();
            error.hint(format!("its configuration is {format}: override the template `{template}` instead"))
        }
        None => error.hint(format!("set flags instead: components.{name}.flags")),
    })
}
