//! NetworkPolicies that nobody enforces: they are taken, and pods reach each other all the same.

use serde_json::Value;

use crate::clients::http::Client;
use crate::clients::kube;
use crate::error::Result;

/// What is to be said of the policies that are there, where a network `plugin` of this name does not look at them.
pub fn unenforced_policies(client: &mut Client<'_>, plugin: Option<&str>) -> Result<Option<String>> {
    let Some(plugin) = plugin else { return Ok(None) };
    // One is enough: the server counts the others.
    let list = kube::get(client, "/apis/networking.k8s.io/v1/networkpolicies?limit=1")?;
    Ok(list.as_ref().and_then(|list| sentence(list, plugin)))
}

fn sentence(list: &Value, plugin: &str) -> Option<String> {
    let first = &list["items"].as_array()?.first()?["metadata"];
    let text = |field: &str| first[field].as_str().unwrap_or_default();
    let name = format!("{}/{}", text("namespace"), text("name"));
    let which = match list["metadata"]["remainingItemCount"].as_u64().unwrap_or_default() {
        0 => format!("NetworkPolicy {name} is not enforced"),
        1 => format!("NetworkPolicy {name} and one other are not enforced"),
        others => format!("NetworkPolicy {name} and {others} others are not enforced"),
    };
    Some(format!("{which}: {plugin} does not look at them, so every pod reaches every other"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_is_named_and_the_others_are_counted() {
        let policy = json!({"metadata": {"namespace": "shop", "name": "deny"}});
        let list = |others: Value| json!({"metadata": {"remainingItemCount": others}, "items": [policy]});
        let said = |list: &Value| sentence(list, "flannel");
        let end = ": flannel does not look at them, so every pod reaches every other";
        assert_eq!(said(&list(Value::Null)).unwrap(), format!("NetworkPolicy shop/deny is not enforced{end}"));
        assert_eq!(
            said(&list(1.into())).unwrap(),
            format!("NetworkPolicy shop/deny and one other are not enforced{end}")
        );
        assert_eq!(
            said(&list(7.into())).unwrap(),
            format!("NetworkPolicy shop/deny and 7 others are not enforced{end}")
        );
        assert_eq!(said(&json!({"metadata": {}, "items": []})), None);
        assert_eq!(said(&json!({"metadata": {}, "items": null})), None, "as Go writes none");
    }
}
