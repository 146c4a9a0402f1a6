//! A master and a worker that run: what was damaged is mended, nobody may do more than it needs, and what should not be there
//! goes only by its name. One cluster, for bringing one up costs as much as some of these do.

use crate::common::cluster::Cluster;
use crate::e2e_damage::what_is_damaged_is_named_and_mended;
use crate::e2e_remove::what_should_not_be_there_is_named_and_goes_only_by_its_name;
use crate::e2e_rights::{services_may_do_what_they_need_and_no_more, worker_of_its_own};

#[test]
fn a_running_cluster_is_looked_after() {
    let cluster = Cluster::new("e2e-two-hosts", 2);
    worker_of_its_own(&cluster);
    cluster.up();
    what_is_damaged_is_named_and_mended(&cluster);
    services_may_do_what_they_need_and_no_more(&cluster);
    what_should_not_be_there_is_named_and_goes_only_by_its_name(&cluster);
}
