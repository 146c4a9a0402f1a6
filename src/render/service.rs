//! One service's files: unit, configuration, kubeconfig.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::context::{Context, Kubeconfig, UnitContext};
use super::flags::Flags;
use super::services::{Config, Format, KubeconfigRow, Service};
use super::{Inputs, yaml};
use crate::cluster::merge::{Null, merge};
use crate::cluster::{Component, ComponentSettings};
use crate::error::{Error, Result};
use crate::state::{Content, File, HostState, Unit};

/// Adds the service's files and its unit.
pub(super) fn add(state: &mut HostState, inputs: &Inputs<'_>, context: &Context<'_>, service: &Service) -> Result<()> {
    let layout = &inputs.cluster.layout;
    let settings = inputs.host.settings(service.component);
    check_settings(service, settings)?;

    let program = format!("{}/{}", layout.bin, service.program);
    let unit_path = format!("{}/{}.service", layout.units, service.program);
    let mut restart_on: BTreeSet<String> = (service.watched_by_restart)(inputs.cluster).into_iter().collect();
    restart_on.extend([program.clone(), unit_path.clone()]);

    let mut makes = BTreeMap::new();
    for config in service.configs {
        let path = (config.path)(layout);
        let text = render_config(inputs, context, service, config, settings)?;
        state.files.insert(path.clone(), private(text));
        makes.extend(config.copied_to.map(|copy| (copy(layout), path.clone())));
        restart_on.insert(path);
    }
    if let Some(row) = &service.kubeconfig {
        let path = format!("{}/{}", layout.kubernetes, row.file);
        state.files.insert(path.clone(), kubeconfig(inputs, context, service.component, row)?);
        restart_on.insert(path);
    }
    let mut context = context.clone();
    context.unit = Some(UnitContext {
        program,
        flags: flags(inputs, &context, service, settings)?.arguments(),
        restart_seconds: service.restart_seconds,
    });
    let name = format!("{}.service", service.program);
    let unit = inputs.templates.render(inputs.host, service.component, &name, &context)?;
    state.files.insert(unit_path, private(unit));
    state.units.push(Unit { name, component: service.component, restart_on, makes });
    Ok(())
}

/// A kubeconfig that names its certificates by path.
pub(super) fn kubeconfig(
    inputs: &Inputs<'_>,
    context: &Context<'_>,
    component: Component,
    row: &KubeconfigRow,
) -> Result<File> {
    let pki = &inputs.cluster.layout.pki;
    let mut context = context.clone();
    context.kubeconfig = Some(Kubeconfig {
        server: if row.local { "https://127.0.0.1:6443".into() } else { inputs.cluster.endpoint.url() },
        user: row.user.into(),
        ca: format!("{pki}/ca.crt"),
        certificate: format!("{pki}/{}.crt", row.certificate),
        key: format!("{pki}/{}.key", row.certificate),
    });
    let text = inputs.templates.render(inputs.host, component, "kubeconfig.yaml", &context)?;
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
    service: &Service,
    settings: Option<&ComponentSettings>,
) -> Result<Flags> {
    let name = format!("{}.flags", service.program);
    let text = inputs.templates.render(inputs.host, service.component, &name, context)?;
    let mut flags = Flags::parse(&what(inputs, &name), &text)?;
    if let Some(settings) = settings {
        flags
            .apply(service.component, &settings.flags, &inputs.cluster.versions)
            .map_err(|e| e.context(&inputs.host.name))?;
    }
    Ok(flags)
}

fn render_config(
    inputs: &Inputs<'_>,
    context: &Context<'_>,
    service: &Service,
    config: &Config,
    settings: Option<&ComponentSettings>,
) -> Result<String> {
    let text = inputs.templates.render(inputs.host, service.component, config.template, context)?;
    let what = what(inputs, config.template);
    let merged = |mut value: Value| {
        if let (Some(settings), Value::Object(fields)) = (settings, &mut value) {
            merge(fields, &settings.config, Null::Removes);
        }
        value
    };
    Ok(match config.format {
        Format::Text => text,
        Format::Yaml => yaml::parse(&what, &text).map(|_| text)?,
        Format::Json => json(&what, &text).map(|_| text)?,
        Format::MergedYaml => yaml::write(&merged(yaml::parse(&what, &text)?)),
        Format::MergedJson => format!("{:#}\n", merged(json(&what, &text)?)),
    })
}

fn json(what: &str, text: &str) -> Result<Value> {
    serde_json::from_str(text).map_err(|e| Error::input(format!("{what} is not valid JSON: {e}")))
}

fn what(inputs: &Inputs<'_>, template: &str) -> String {
    format!("{}: template {template}", inputs.host.name)
}

fn check_settings(service: &Service, settings: Option<&ComponentSettings>) -> Result<()> {
    let has_config = service.configs.iter().any(|c| matches!(c.format, Format::MergedYaml | Format::MergedJson));
    match settings {
        Some(settings) if !settings.config.is_empty() && !has_config => Err(no_config(service.component)),
        _ => Ok(()),
    }
}

fn no_config(component: Component) -> Error {
    let name = component.name();
    let error =
        Error::input(format!("components.{name}.config: {name} has no configuration that fields could be merged into"));
    match component {
        Component::Containerd => error.hint("its configuration is TOML: override the template `config.toml` instead"),
        _ => error.hint(format!("set flags instead: components.{name}.flags")),
    }
}
