//! The templates: ours, embedded into the program, and those that the inventory puts in their place.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value};
use serde::Serialize;

use super::filters;
use crate::cluster::{Cluster, Component, Host};
use crate::error::{Error, Result};
use crate::text::nearest;

static EMBEDDED: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/templates");

/// What a template may take, in minijinja's unit of one instruction: a loop in a user's template ends.
const FUEL: u64 = 1_000_000;

/// Templates used by every component that has what they describe; each component can override its own.
const SHARED: [&str; 1] = ["kubeconfig.yaml"];

/// All templates of a run.
#[derive(Debug)]
pub struct Templates {
    environment: Environment<'static>,
    /// Contents of the files that the inventory names.
    overrides: BTreeMap<PathBuf, Override>,
}

#[derive(Debug)]
struct Override {
    /// Where it was read from, for messages.
    path: String,
    source: String,
}

impl Templates {
    /// Ours alone.
    pub fn embedded() -> Self {
        Templates { environment: environment(), overrides: BTreeMap::new() }
    }

    /// Ours, and the files that the cluster's hosts name; relative paths start at `base`.
    /// An override of no template of ours, an unreadable file and a syntax error are mistakes, all reported at once.
    pub fn load(cluster: &Cluster, base: &Path) -> Result<Self> {
        let mut templates = Self::embedded();
        let mut errors = Vec::new();
        for host in &cluster.hosts {
            for (component, settings) in &host.components {
                for (name, file) in &settings.templates {
                    if !errors.iter().any(|(done, _)| *done == (component, name, file)) {
                        let result = templates.add(*component, name, file, base);
                        errors.extend(result.err().map(|error| ((component, name, file), error)));
                    }
                }
            }
        }
        Error::all(errors.into_iter().map(|(_, error)| error))?;
        Ok(templates)
    }

    fn add(&mut self, component: Component, name: &str, file: &Path, base: &Path) -> Result<()> {
        known(component, name)?;
        if self.overrides.contains_key(file) {
            return Ok(());
        }
        let path = base.join(file);
        let whose = format!("components.{}.templates.{name}", component.name());
        let source = std::fs::read_to_string(&path)
            .map_err(|e| Error::input(format!("{whose}: cannot read {}: {e}", path.display())))?;
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
        component: Component,
        name: &str,
        context: &impl Serialize,
    ) -> Result<String> {
        let context = Value::from(Serde(context));
        let file = host.settings(component).and_then(|settings| settings.templates.get(name));
        let rendered = match file {
            None => self.environment.get_template(&embedded_name(component, name)).and_then(|t| t.render(context)),
            Some(file) => {
                let file = self
                    .overrides
                    .get(file)
                    .ok_or_else(|| Error::internal(format!("the template {} was not loaded", file.display())))?;
                self.environment.render_named_str(&file.path, &file.source, context)
            }
        };
        // Never `{e:#}`: it prints the values of all variables.
        rendered.map_err(|e| Error::input(format!("{}: template {name}: {e}", host.name)))
    }
}

#[cfg(test)]
impl Templates {
    /// The variables that each of our templates takes from its context, by the template's name.
    pub(super) fn undeclared_variables(&self) -> Vec<(String, std::collections::HashSet<String>)> {
        let files = EMBEDDED.dirs().flat_map(Dir::files);
        let names = files.map(|file| file.path().to_string_lossy().into_owned());
        names
            .map(|name| {
                let variables = self.environment.get_template(&name).unwrap().undeclared_variables(true);
                (name, variables)
            })
            .collect()
    }
}

/// The names of a component's templates, as an inventory's `components.X.templates` names them.
pub fn template_names(component: Component) -> Vec<&'static str> {
    let own = EMBEDDED.get_dir(component.name()).into_iter().flat_map(Dir::files);
    let mut names: Vec<_> = own.filter_map(|file| file.path().file_name()?.to_str()).collect();
    if names.iter().any(|name| name.ends_with(".service"))
        && !matches!(component, Component::Etcd | Component::Containerd)
    {
        names.extend(SHARED);
    }
    names.sort_unstable();
    names
}

/// The text of one of our templates, to start an override from.
pub fn template_source(component: Component, name: &str) -> Result<&'static str> {
    known(component, name)?;
    let file = EMBEDDED.get_file(embedded_name(component, name));
    file.and_then(|f| f.contents_utf8()).ok_or_else(|| Error::internal(format!("no embedded template {name}")))
}

fn embedded_name(component: Component, name: &str) -> String {
    let folder = if SHARED.contains(&name) { "shared" } else { component.name() };
    format!("{folder}/{name}")
}

fn known(component: Component, name: &str) -> Result<()> {
    let names = template_names(component);
    if names.contains(&name) {
        return Ok(());
    }
    let component = component.name();
    let error = Error::input(format!("components.{component}.templates: there is no template `{name}` to override"));
    Err(match nearest(name, names.iter().copied()) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error,
    }
    .hint(format!("templates of {component}: {}", names.join(", "))))
}

fn environment() -> Environment<'static> {
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
    environment.set_loader(|name| Ok(EMBEDDED.get_file(name).and_then(|file| file.contents_utf8())));
    environment
}
