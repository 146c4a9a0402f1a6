//! One call of a command in cfssl's face.

use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::cfssl::answers::failure::Failure;
use crate::cfssl::answers::log::Log;
use crate::cfssl::check_config;
use crate::cfssl::go;
use crate::cfssl::go::flag::Parsed;
use crate::cfssl::go::json::write_quoted;
use crate::pki::{Rules, SigningConfig};
use crate::ui::{Printer, stderr};

/// What a command gets.
#[derive(Debug)]
pub struct Call {
    /// Flags.
    pub flags: Parsed,
    /// The other arguments that have not been taken yet.
    pub args: Vec<String>,
    /// Lines on standard error.
    pub log: Log,
    /// Standard output.
    pub out: Printer,
    /// Whether doubts are warnings, as cfssl's users expect, or errors (`-strict`).
    pub rules: Rules,
    /// What `-config` names.
    pub config: Option<SigningConfig>,
    /// Now.
    pub now: OffsetDateTime,
}

impl Call {
    /// A flag's value; empty where it was not given.
    pub fn flag(&self, name: &str) -> &str {
        self.flags.text(name)
    }

    /// The next argument.
    pub fn pop(&mut self) -> Result<String, Failure> {
        if self.args.is_empty() {
            return Err(Failure::text("not enough arguments are supplied --- please refer to the usage"));
        }
        Ok(self.args.remove(0))
    }

    /// The only argument.
    pub fn only(&mut self) -> Result<String, Failure> {
        let argument = self.pop()?;
        if self.args.is_empty() {
            return Ok(argument);
        }
        Err(Failure::text("only one argument is accepted, please check with usage"))
    }

    /// `-hostname a,b`, untrimmed as with cfssl; none where it was not given.
    pub fn hosts(&self) -> Option<Vec<String>> {
        let hosts = self.flag("hostname");
        (!hosts.is_empty()).then(|| hosts.split(',').map(str::to_owned).collect())
    }

    /// Logs warnings.
    pub fn warn(&self, warnings: &[String]) {
        warnings.iter().for_each(|warning| self.log.warning(warning));
    }

    /// A note on standard error that is no log line.
    pub fn note(&self, text: &str) {
        stderr::line(text);
    }

    /// Reads what `-config` names.
    pub fn load_config(&mut self) -> Result<(), Failure> {
        let path = self.flag("config").to_owned();
        if path.is_empty() {
            return Ok(());
        }
        let loaded = || {
            let text = go::file::read(&path).map_err(|_| Failure::policy("could not read configuration file"))?;
            check_config::check(&text, &self.log)?;
            Ok::<_, Failure>(SigningConfig::read_by(&text, &path, self.rules)?)
        };
        let (config, warnings) = loaded().map_err(|e| e.within("Failed to load config file: "))?;
        self.warn(&warnings);
        self.config = Some(config);
        Ok(())
    }

    /// One line of JSON with what there is, as all commands that make something.
    pub fn print(&self, cert: Option<&str>, csr: Option<&str>, key: Option<&[u8]>) -> Result<(), Failure> {
        // Long enough for an RSA key of 8192 bits, so that no copy of it is left behind by growing.
        let mut json = Zeroizing::new(String::with_capacity(64 * 1024));
        let key = key.map(|key| String::from_utf8_lossy(key));
        let members = [("cert", cert), ("csr", csr), ("key", key.as_deref())];
        for (name, value) in members.into_iter().filter_map(|(name, value)| Some((name, value?))) {
            let before = if json.is_empty() { '{' } else { ',' };
            json.push(before);
            write_quoted(&mut json, name);
            json.push(':');
            write_quoted(&mut json, value);
        }
        json.push_str("}\n");
        Ok(self.out.document(&json)?)
    }
}
