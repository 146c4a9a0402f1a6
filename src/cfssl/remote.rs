//! Profiles that point to a server which signs: cfssl would ask it, and here there is none to ask.

use crate::cfssl::answers::failure::Failure;
use crate::cfssl::call::Call;
use crate::pki::Profile;

impl Call {
    /// Refuses to sign under a profile that points to a server, in cfssl's words and with the reason. Where some profiles
    /// do and some do not, cfssl does not take the default one for one that there is not.
    pub fn refuse_remote(&self) -> Result<(), Failure> {
        let Some(config) = &self.config else { return Ok(()) };
        let all = || config.default.iter().chain(config.profiles.values());
        let signs_here = config.default.is_none() || all().any(|profile| profile.remote.is_none());
        let has_ca = !self.flag("ca").is_empty() && !self.flag("ca-key").is_empty();
        if all().all(|profile| profile.remote.is_none()) || (signs_here && !has_ca) {
            return Ok(());
        }
        let named = Some(self.flag("profile")).filter(|name| !name.is_empty());
        let found = named.and_then(|name| config.profiles.get(name));
        if named.is_some() && found.is_none() && signs_here {
            return Err(Failure::code(5400, "Unknown policy profile"));
        }
        let server = |profile: &'_ Profile| profile.remote.clone();
        let Some(server) = found.or(config.default.as_ref()).and_then(server) else { return Ok(()) };
        let profile = found.and(named).map_or("the default profile".to_owned(), |name| format!("profile `{name}`"));
        let address = config.remotes.get(&server).map_or(String::new(), |address| format!(" ({address})"));
        self.log.error(&format!(
            "{profile} points to the remote signer `{server}`{address}, and kbootstrap asks none: it signs with the CA's \
             files, by profiles without \"remote\" and \"auth_remote\""
        ));
        Err(Failure::code(5300, "failed to connect to remote"))
    }
}
