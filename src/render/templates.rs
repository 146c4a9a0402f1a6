//! The templates: the catalogue's, and those that the inventory puts in their place.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value};
use serde::Serialize;

use super::filters;
use super::job::{Job, LARGEST, Renderer, bounded};
use crate::cluster::{Cluster, Host};
use crate::components::{Catalogue, ComponentSpec};
use crate::error::{Error, Result};
use crate::text::nearest;

/// What templates of several components include.
const SHARED: [(&str, &str); 10] = [
    ("shared/balancer-service", include_str!("../../templates/shared/balancer-service")),
    ("shared/haproxy.cfg", include_str!("../../templates/shared/haproxy.cfg")),
    ("shared/nginx.conf", include_str!("../../templates/shared/nginx.conf")),
    ("shared/kubeconfig.yaml", include_str!("../../templates/shared/kubeconfig.yaml")),
    ("shared/exec-start", include_str!("../../templates/shared/exec-start")),
    ("shared/http2-pings", include_str!("../../templates/shared/http2-pings")),
    ("shared/no-proxy", include_str!("../../templates/shared/no-proxy")),
    ("shared/restart", include_str!("../../templates/shared/restart")),
    ("shared/sandbox", include_str!("../../templates/shared/sandbox")),
    ("shared/sandbox-network", include_str!("../../templates/shared/sandbox-network")),
];

/// What a template may take, in minijinja's unit of one instruction: a loop in a user's template ends.
const FUEL: u64 = 1_000_000;

/// All templates of a run.
#[derive(Debug)]
pub struct Templates {
    environment: Environment<'static>,
    /// Contents of the files that the inventory names.
    overrides: BTreeMap<PathBuf, Override>,
    /// What renders those; none: this process.
    renderer: Option<Renderer>,
}

#[derive(Debug)]
struct Override {
    /// Where it was read from, for messages.
    path: String,
    source: String,
}

impl Templates {
    /// The catalogue's alone.
    pub fn embedded(catalogue: &Catalogue) -> Self {
        Templates { environment: environment(catalogue), overrides: BTreeMap::new(), renderer: None }
    }

    /// Ours, and the files that the cluster's hosts name; relative paths start at `base`.
    /// An override of no template of ours, an unreadable file and a syntax error are mistakes, all reported at once.
    pub fn load(catalogue: &Catalogue, cluster: &Cluster, base: &Path) -> Result<Self> {
        let mut templates = Self::embedded(catalogue);
        let mut errors = Vec::new();
        for host in &cluster.hosts {
            for (component, settings) in &host.components {
                for (name, file) in &settings.templates {
                    if !errors.iter().any(|(done, _)| *done == (component, name, file)) {
                        let result = templates.add(catalogue, component, name, file, base);
                        errors.extend(result.err().map(|error| ((component, name, file), error)));
                    }
                }
            }
        }
        Error::all(errors.into_iter().map(|(_, error)| error))?;
        Ok(templates)
    }

    /// The same; templates of the inventory's are rendered elsewhere.
    pub fn elsewhere(mut self, renderer: Option<Renderer>) -> Self {
        self.renderer = renderer;
        self
    }

    fn add(&mut self, catalogue: &Catalogue, component: &str, name: &str, file: &Path, base: &Path) -> Result<()> {
        known(catalogue, component, name)?;
        if self.overrides.contains_key(file) {
            return Ok(());
        }
        let path = base.join(file);
        let whose = format!("components.{component}.templates.{name}");
        let source = read(&path).map_err(|e| Error::input(format!("{whose}: cannot read {}: {e}", path.display())))?;
        self.environment
            .template_from_named_str(&path.to_string_lossy(), &source)
            .map_err(|e| Error::input(format!("{whose}: {e}")))?;
        let path = path.to_string_lossy().into_owned();
        self.overrides.insert(file.to_owned(), Override { path, source });
        Ok(())
    }

    /// Renders the component's template for `host`: the host's own file where it names one, else ours.
    pub(super) fn render(
        &self,
        host: &Host,
        component: &ComponentSpec,
        name: &str,
        context: &impl Serialize,
    ) -> Result<String> {
        let file = host.settings(component.id.0).and_then(|settings| settings.templates.get(name));
        let rendered = match file {
            None => {
                let template = self.environment.get_template(&path(component, name));
                template.and_then(|t| t.render(Value::from(Serde(context)))).map_err(|e| e.to_string())
            }
            Some(file) => {
                let file = self
                    .overrides
                    .get(file)
                    .ok_or_else(|| Error::internal(format!("the template {} was not loaded", file.display())))?;
                self.render_override(file, context)?
            }
        };
        rendered.map_err(|e| Error::input(format!("{}: template {name}: {e}", host.name)))
    }
}

impl Templates {
    fn render_override(&self, file: &Override, context: &impl Serialize) -> Result<Result<String, String>> {
        let Some(renderer) = &self.renderer else {
            let rendered = self.render_source(&file.path, &file.source, Value::from(Serde(context)));
            return Ok(rendered.map_err(|e| e.to_string()).and_then(bounded));
        };
        let context = serde_json::to_value(context).map_err(|e| Error::internal(format!("variables: {e}")))?;
        renderer.render(&Job { path: file.path.clone(), source: file.source.clone(), context })
    }

    /// Renders a text. Of the error never `{e:#}` is shown: it prints the values of all variables.
    pub(super) fn render_source(&self, path: &str, source: &str, context: Value) -> Result<String, minijinja::Error> {
        self.environment.render_named_str(path, source, context)
    }
}

/// A template's text; longer ones than the longest file are none.
fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(LARGEST as u64 + 1).read_to_string(&mut text)?;
    match text.len() > LARGEST {
        true => Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it is larger than {} MiB", LARGEST >> 20))),
        false => Ok(text),
    }
}

#[cfg(test)]
impl Templates {
    /// The variables that a template of the catalogue takes from its context.
    pub(super) fn undeclared_variables(
        &self,
        component: &ComponentSpec,
        name: &str,
    ) -> std::collections::HashSet<String> {
        self.environment.get_template(&path(component, name)).unwrap().undeclared_variables(true)
    }
}

/// The name of a component's template in the environment.
fn path(component: &ComponentSpec, name: &str) -> String {
    format!("{}/{name}", component.id)
}

fn known(catalogue: &Catalogue, component: &str, name: &str) -> Result<()> {
    let names = catalogue.get(component).map(ComponentSpec::template_names).unwrap_or_default();
    if names.contains(&name) {
        return Ok(());
    }
    let error = Error::input(format!("components.{component}.templates: there is no template `{name}` to override"));
    Err(match nearest(name, names.iter().copied()) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error,
    }
    .hint(format!("templates of {component}: {}", names.join(", "))))
}

fn environment(catalogue: &Catalogue) -> Environment<'static> {
    let mut environment = Environment::new();
    let mut syntax = SyntaxConfig::builder();
    syntax.trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true);
    environment.set_syntax(syntax.build().expect("the default delimiters are valid"));
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_fuel(Some(FUEL));
    // Only then does `{e}` name the variable that is missing.
    environment.set_debug(true);
    filters::add(&mut environment);
    let own =
        |spec: &ComponentSpec| spec.templates.iter().map(|(name, text)| (path(spec, name), *text)).collect::<Vec<_>>();
    let shared = SHARED.iter().map(|(path, text)| ((*path).to_owned(), *text));
    let texts: BTreeMap<String, &str> = catalogue.components.iter().flat_map(own).chain(shared).collect();
    environment.set_loader(move |name| Ok(texts.get(name).map(|text| (*text).to_owned())));
    environment
}
