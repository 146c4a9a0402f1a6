//! How many certificates one core issues, in memory. `make bench` runs it.

#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::time::{Duration, Instant};

use kbootstrap::pki::{Authority, CsrSpec, Key, KeyKind, Lifetime, Profile, Request, Serial, self_signed};
use time::OffsetDateTime;

fn main() {
    let now = OffsetDateTime::now_utc();
    let ca_key = Key::generate(KeyKind::from_spec("ecdsa", 256).expect("a key kind")).expect("a key");
    let ca = CsrSpec { cn: "bench".into(), ..CsrSpec::default() };
    let ca = self_signed(&ca, &ca_key, now, Serial::random().expect("a serial")).expect("a CA");
    let authority = Authority::new(ca.certificate, ca_key, now).expect("the CA can issue");
    let profile =
        Profile::new(&["signing", "key encipherment", "server auth"], Lifetime::hours(8760)).expect("a profile");
    println!("certificates per second of one core's time, key included, in memory:");
    for (algo, size) in [("ecdsa", 256), ("ecdsa", 384), ("ed25519", 0), ("rsa", 2048)] {
        let kind = KeyKind::from_spec(algo, size).expect("a key kind");
        let (began, cpu) = (Instant::now(), cpu_time());
        let mut count = 0_u32;
        while began.elapsed() < Duration::from_secs(3) {
            let key = Key::generate(kind).expect("a key");
            let spec =
                CsrSpec { cn: "leaf".into(), hosts: vec!["10.0.0.1".into(), "leaf".into()], ..CsrSpec::default() };
            let request = Request::from_spec(&spec, key.public()).expect("a request");
            let issued =
                authority.issue(&request, &profile, now, Serial::random().expect("a serial")).expect("a certificate");
            std::hint::black_box((issued.certificate.to_pem(), key.to_pem()));
            count += 1;
        }
        let (wall, cpu) = (began.elapsed().as_secs_f64(), (cpu_time() - cpu).as_secs_f64());
        println!("  {algo} {size}: {:.0} ({:.0} by the clock)", f64::from(count) / cpu, f64::from(count) / wall);
    }
}

/// What this thread has had of a core: on a machine that does other things too, the clock says less.
fn cpu_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux's scheduler statistics");
    Duration::from_nanos(text.split(' ').next().and_then(|n| n.parse().ok()).expect("nanoseconds"))
}
