//! Nothing that is rendered knows a path by itself.

use super::states::{container, state};
use crate::cluster::Layout;
use crate::cluster::example::{cluster, three_masters};
use crate::facts::HostFacts;
use crate::state::Content;

/// Every path of the standard layout below another folder.
fn moved() -> Layout {
    let mut paths = serde_json::to_value(Layout::standard()).unwrap();
    for path in paths.as_object_mut().unwrap().values_mut() {
        *path = format!("/moved{}", path.as_str().unwrap()).into();
    }
    serde_json::from_value(paths).unwrap()
}

/// What belongs to the system, whatever the layout is.
const OF_THE_SYSTEM: [&str; 3] = ["/bin/sh", "/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"];

#[test]
fn every_path_comes_from_the_layout() {
    let (one, three) = (cluster("1.36.3"), three_masters("1.36.3"));
    let default = HostFacts::default_host;
    for (cluster, index, facts) in
        [(&one, 0, default()), (&one, 1, default()), (&one, 1, container()), (&three, 0, default())]
    {
        let mut cluster = cluster.clone();
        cluster.layout = moved();
        let state = state(&cluster, index, &facts).unwrap();
        let mut texts: Vec<String> = state.files.keys().chain(state.dirs.keys()).cloned().collect();
        for unit in &state.units {
            texts.extend(unit.restart_on.iter().chain(unit.makes.keys()).chain(unit.makes.values()).cloned());
        }
        texts.extend(state.files.values().filter_map(|file| match &file.content {
            Content::Text(text) => Some(text.to_string()),
            _ => None,
        }));
        let words = texts.iter().flat_map(|text| text.split(|c: char| c.is_whitespace() || "=\"',:;()[]".contains(c)));
        let paths = words.map(|word| word.trim_start_matches("//")).filter(|word| {
            ["/etc/", "/var/", "/opt/", "/run/", "/usr/", "/bin/"].iter().any(|top| word.starts_with(top))
        });
        let stray: Vec<&str> = paths.filter(|path| !OF_THE_SYSTEM.contains(path)).collect();
        assert_eq!(stray, Vec::<&str>::new(), "{}", state.host);
        assert!(texts.iter().any(|text| text.contains("/moved/run/containerd/containerd.sock")));
    }
}
