//! Revocation lists: numbers that grow, and serial numbers that others have given.

use std::collections::BTreeSet;

use crate::cfssl_both::ok;
use crate::pki_tools::{Folder, with_leaf};

fn number(folder: &Folder, list: &str) -> u64 {
    let said = folder.openssl(&format!("crl -in {list} -noout -crlnumber"));
    let hex = said.trim().trim_start_matches("crlNumber=").trim_start_matches("0x").to_owned();
    u64::from_str_radix(&hex, 16).unwrap_or_else(|e| panic!("{said}: {e}"))
}

#[test]
fn two_lists_of_one_second_have_numbers_of_their_own() {
    let folder = with_leaf();
    folder.write("revoked", "17\n");
    let lists: Vec<String> = (0..8).map(|n| format!("{n}.crl")).collect();
    std::thread::scope(|scope| {
        for list in &lists {
            let folder = &folder;
            scope.spawn(move || folder.ok(&format!("gencrl revoked ca.pem ca-key.pem --out {list}")));
        }
    });
    let numbers: BTreeSet<u64> = lists.iter().map(|list| number(&folder, list)).collect();
    assert_eq!(numbers.len(), lists.len(), "{numbers:?}");
    for face in ["one", "two"] {
        ok(
            &folder,
            &format!("cfssl gencrl revoked ca.pem ca-key.pem | base64 -d | openssl crl -inform DER -out {face}.crl"),
        );
    }
    assert!(number(&folder, "two.crl") > number(&folder, "one.crl"));
    assert!(number(&folder, "one.crl") > *numbers.last().unwrap());
    // Those of older versions were seconds.
    let seconds = time::OffsetDateTime::now_utc().unix_timestamp() as u64;
    assert!(numbers.first().unwrap() > &seconds);
}

#[test]
fn a_list_s_number_is_greater_than_that_of_the_one_that_it_replaces() {
    let folder = with_leaf();
    folder.write("revoked", "17\n");
    let line = "gencrl revoked ca.pem ca-key.pem --out ca.crl";
    let far = u64::MAX - 10;
    folder.ok(&format!("{line} --number {far}"));
    folder.ok(line);
    assert_eq!(number(&folder, "ca.crl"), far + 1, "whatever the clock says");
    folder.ok(&format!("{line} --der"));
    folder.ok(line);
    assert_eq!(number(&folder, "ca.crl"), far + 3, "in DER, too");
    insta::assert_snapshot!(folder.refused(&format!("{line} --number 7")), @r"
    error: --number 7: the list in ca.crl has number 18446744073709551608, and numbers grow
    hint: give it a greater one, or none
    exit code 2
    ");
    // Another CA's list has nothing to do with it.
    folder.ok("gencert -initca leaf.json --out other");
    folder.ok("gencrl revoked other.pem other-key.pem --out ca.crl --number 7");
    assert_eq!(number(&folder, "ca.crl"), 7);
}

#[test]
fn what_others_have_numbered_can_be_revoked() {
    let folder = with_leaf();
    let odd = format!("0x{}", "ff".repeat(20));
    folder.write("revoked", format!("0\n{odd}\n"));
    folder.ok("gencrl revoked ca.pem ca-key.pem --out ca.crl");
    let text = folder.openssl("crl -in ca.crl -noout -text").to_uppercase();
    assert!(text.contains(&"FF".repeat(20)) && text.contains("SERIAL NUMBER: 00\n"), "{text}");
    // None such is given to a new certificate.
    let config = r#"{"signing":{"default":{"expiry":"1h","usages":["any"],"ClientProvidesSerialNumbers":true}}}"#;
    folder.write("serial.json", config);
    for serial in ["0", odd.as_str()] {
        let line =
            format!("gencert -ca ca.pem -ca-key ca-key.pem -config serial.json --serial {serial} leaf.json --out leaf");
        assert!(folder.refused(&line).contains("is no serial number"), "{serial}");
    }
}
