//! Images from a fake registry: tokens, digests, layers.

use serde_json::json;

use crate::artifacts_download::{fetch, refused};
use crate::artifacts_fixture::{Place, sha256};
use crate::artifacts_http::{Page, Server};
use crate::artifacts_release::{REGISTRY, image};

#[test]
fn images_keep_the_digest_of_their_project() {
    let (server, place) = (Server::start(), Place::new());
    let (digest, layer) = image(&server, REGISTRY, "3.10.1");
    let programs = fetch(&server, &place, &["image-pause"]).unwrap();
    let bytes = place.bytes(&programs, "image-pause");
    let mut tar = tar::Archive::new(&bytes[..]);
    let mut names = Vec::new();
    let mut index = String::new();
    for entry in tar.entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().display().to_string();
        if name == "index.json" {
            std::io::Read::read_to_string(&mut entry, &mut index).unwrap();
        }
        names.push(name);
    }
    assert!(index.contains(&format!("sha256:{digest}")) && index.contains("registry.k8s.io/pause:3.10.1"), "{index}");
    assert_eq!(names.iter().filter(|n| n.contains(&sha256(&layer))).count(), 1, "a layer that repeats is there once");
}

#[test]
fn a_registry_that_demands_tokens_is_read_and_nobody_else_sees_them() {
    let (server, elsewhere, place) = (Server::start(), Server::start(), Place::new());
    let (_, layer) = image(&server, REGISTRY, "3.10.1");
    let blob = format!("{REGISTRY}/blobs/sha256:{}", sha256(&layer));
    elsewhere.put(&blob, Page::new(layer));
    server.change(&blob, |page| page.moved = Some(format!("{}/{}", elsewhere.base, &blob["https://".len()..])));
    // The index and the manifest use the first token up; the configuration and the layer need another one.
    server.guard(REGISTRY, "registry.example", "repository:pause:pull", Some(2));
    fetch(&server, &place, &["image-pause"]).unwrap();
    let seen = server.take_seen();
    let of = |s: &crate::artifacts_http::Seen| match s.path.split_once('?') {
        Some((path, _)) => path.to_owned(),
        None => format!("{} {}", s.path.rsplit('/').nth(1).unwrap(), s.authorization.as_deref().unwrap_or("-")),
    };
    assert_eq!(
        seen.iter().map(of).collect::<Vec<_>>(),
        [
            "manifests -",
            "/token",
            "manifests Bearer secret-1",
            "manifests Bearer secret-1",
            "blobs Bearer secret-1",
            "/token",
            "blobs Bearer secret-2",
            "blobs Bearer secret-2",
        ]
    );
    let moved = elsewhere.take_seen();
    assert!(moved.len() == 1 && moved[0].authorization.is_none(), "{moved:?}");
    let told = format!("{:?}", place.events.take());
    assert!(!told.contains("secret-"), "{told}");
}

#[test]
fn a_registry_that_gives_no_token_is_reported_with_its_address() {
    let (server, place) = (Server::start(), Place::new());
    image(&server, REGISTRY, "3.10.1");
    for (answers, words) in [
        (None, "no token from MIRROR/token: the server answered 403 Forbidden"),
        (Some(0), "the server answered 401 Unauthorized"),
    ] {
        server.guard(REGISTRY, "registry.example", "repository:pause:pull", answers);
        let text = refused(&server, &place, &["image-pause"]);
        assert!(text.contains(words), "{text}");
    }
    assert_eq!(place.stored(), 0);
}

#[test]
fn a_layer_with_other_bytes_is_refused() {
    let (server, place) = (Server::start(), Place::new());
    let (_, layer) = image(&server, REGISTRY, "3.10.1");
    server.change(&format!("{REGISTRY}/blobs/sha256:{}", sha256(&layer)), |page| page.body[100] ^= 1);
    let text = refused(&server, &place, &["image-pause"]);
    assert!(text.contains("is not what the project published"), "{text}");
    assert_eq!(place.stored(), 0);
}

#[test]
fn layers_that_are_too_large_are_not_begun() {
    let (server, place) = (Server::start(), Place::new());
    let blob = json!({"digest": format!("sha256:{}", "a".repeat(64)), "size": 600_000_000});
    let manifest = json!({"config": blob, "layers": [blob, blob]}).to_string();
    server.put(&format!("{REGISTRY}/manifests/3.10.1"), Page::new(manifest));
    let said = refused(&server, &place, &["image-pause"]);
    assert!(said.contains("its layers are larger than 1073741824 bytes"), "{said}");
}
