//! The proxy by which nodes fetch images.

use crate::document::{Mistake, Path};
use crate::inventory::model::Inventory;

/// Mistakes in `httpProxy`.
pub fn check(inventory: &Inventory) -> Vec<Mistake> {
    let at = Path::root().key("httpProxy");
    let proxy = &inventory.http_proxy;
    let urls = [("http", &proxy.http), ("https", &proxy.https)];
    let mut mistakes: Vec<Mistake> =
        urls.into_iter().filter_map(|(field, url)| address(at.key(field), url.as_deref()?)).collect();
    for (i, name) in proxy.except.iter().enumerate() {
        if name.is_empty() || name.contains(|c: char| c == ',' || c.is_whitespace() || c.is_control()) {
            let at = at.key("except").index(i);
            mistakes.push(Mistake::at(at, format!("`{name}` is no name, address or network")).hint("one an entry"));
        }
    }
    mistakes
}

fn address(at: Path, url: &str) -> Option<Mistake> {
    let schemes = ["http://", "https://", "socks5://"];
    let rest = schemes.iter().find_map(|scheme| url.strip_prefix(scheme));
    match rest {
        Some(rest) if rest.contains('@') => Some(
            Mistake::at(at, "a login has no place here: every user of the hosts could read it")
                .hint("let the proxy know the hosts by their addresses"),
        ),
        Some(rest) if !rest.is_empty() && !rest.contains(|c: char| c.is_whitespace() || c.is_control()) => None,
        _ => {
            Some(Mistake::at(at, format!("`{url}` is not the URL of a proxy")).hint("`http://proxy.example.com:3128`"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::model::HttpProxy;

    #[test]
    fn a_proxy_is_a_url_without_a_login() {
        let mistakes = |url: &str, except: &str| {
            let http_proxy = HttpProxy { http: None, https: Some(url.into()), except: vec![except.into()] };
            check(&Inventory { http_proxy, ..Inventory::default() }).len()
        };
        assert_eq!(mistakes("http://proxy:3128", ".example.com"), 0);
        assert_eq!(mistakes("socks5://[fd00::1]:1080", "10.0.0.0/8"), 0);
        assert_eq!(mistakes("proxy:3128", "a, b"), 2);
        assert_eq!(mistakes("http://user:word@proxy:3128", "a"), 1);
        assert_eq!(mistakes("http://pro xy", ""), 2);
        assert!(check(&Inventory::default()).is_empty());
    }
}
