//! One probe per host, all hosts at once.

use std::collections::BTreeMap;

use crate::access::Pool;
use crate::cluster::Cluster;
use crate::error::{Error, Result};
use crate::facts::{self, HostFacts, Questions};

/// Asks every host; all hosts that could not be asked are in the error.
pub fn survey(
    cluster: &Cluster,
    pool: &Pool,
    questions: &BTreeMap<String, Questions>,
) -> Result<BTreeMap<String, HostFacts>> {
    let (facts, asked) = survey_those_that_answer(cluster, pool, questions);
    asked.map(|()| facts)
}

/// Asks every host: what those said that answered, and all that did not in the error.
pub(super) fn survey_those_that_answer(
    cluster: &Cluster,
    pool: &Pool,
    questions: &BTreeMap<String, Questions>,
) -> (BTreeMap<String, HostFacts>, Result<()>) {
    let none = Questions::default();
    let answers = pool.each_host(&cluster.hosts, |host| {
        let mut transport = pool.take(host)?;
        facts::probe(&mut *transport, questions.get(&host.name).unwrap_or(&none), &cluster.layout)
    });
    let mut all = BTreeMap::new();
    let mut errors = Vec::new();
    for (host, answer) in cluster.hosts.iter().zip(answers) {
        match answer {
            Ok(facts) => drop(all.insert(host.name.clone(), facts)),
            Err(error) => errors.push(error),
        }
    }
    (all, Error::all(errors))
}
