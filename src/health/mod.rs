//! Is it true? What the answers of etcd and the API server mean, and waiting until they are right.

mod at_rest;
mod covers;
mod policies;
mod rollout;
mod since;
mod space;
mod wait;
mod webhooks;

pub use at_rest::{Asked, AtRest, SECRETS, Written};
pub use covers::covers;
pub use policies::{POLICIES, unenforced_policies};
pub use rollout::{Rollout, deployment_ready, replicas};
pub use since::{Leads, has_looked, is_from_before, leads, too_few};
pub use space::out_of_space;
pub use wait::{Poll, Schedule, unless_connected, wait, wait_telling};
pub use webhooks::{refusing_webhooks, webhook_paths};
