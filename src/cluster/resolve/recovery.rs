//! Whom the copy of what only the operator's folder has is encrypted to.

use crate::age::Recipient;
use crate::inventory::{Inventory, Mistake, Path};

/// Reads the public keys, one or more with spaces or commas between them; mistakes are added to `mistakes`.
pub fn resolve(inventory: &Inventory, mistakes: &mut Vec<Mistake>) -> Vec<Recipient> {
    let Some(text) = &inventory.recovery_key else { return Vec::new() };
    let mut recipients: Vec<Recipient> = Vec::new();
    let before = mistakes.len();
    let mut refuse = |message: &str, hint: &str| {
        mistakes.push(Mistake::at(Path::root().key("recoveryKey"), message).hint(hint));
    };
    for word in text.split(|c: char| c == ',' || c.is_whitespace()).filter(|word| !word.is_empty()) {
        match Recipient::parse(word) {
            Some(recipient) if recipients.contains(&recipient) => {}
            Some(recipient) => recipients.push(recipient),
            None if word.to_ascii_uppercase().starts_with("AGE-SECRET-KEY-") => refuse(
                "this is a private key",
                "only the public key, age1…, belongs here; make another pair with age-keygen: this one is known now",
            ),
            None => refuse(
                &format!("`{}` is no public key of age", word.chars().take(80).collect::<String>()),
                "it begins with age1: age-keygen -o recovery.txt makes a pair and prints it; ssh keys are not taken",
            ),
        }
    }
    if recipients.is_empty() && mistakes.len() == before {
        let mistake = Mistake::at(Path::root().key("recoveryKey"), "there is no key in it");
        mistakes.push(mistake.hint("leave it out, or name a key: age1…"));
    }
    recipients
}
