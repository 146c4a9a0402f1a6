//! Members of etcd that join those that there are: each is added as a learner, started and promoted, and etcd is whole with
//! it before the next.

use super::graph::StepId;
use super::sorted::Sorted;
use super::{Action, Builder};
use crate::changes::{Joining, Joins};
use crate::plan::Plan;
use crate::state::Wave;

impl Builder<'_> {
    /// What all of them need travels before the first is added: from one member to three there are two for a while, which need
    /// each other. After the steps that come back all have joined.
    pub(super) fn join(&mut self, plan: &Plan, units: &Sorted<'_>) -> Vec<StepId> {
        let all: Vec<&Joining> = plan.joining().collect();
        let mut before: Vec<StepId> = all.iter().filter_map(|j| self.pushed(&j.member, Wave::Etcd)).collect();
        for joining in all {
            if joining.is == Joins::New {
                before = self.member(joining, Action::AddMember(joining.clone()), before);
            }
            for (host, change) in units.members_join.iter().filter(|(host, _)| *host == joining.member) {
                before = vec![self.unit(host, change, before)];
            }
            if joining.is != Joins::Voter {
                before = self.member(joining, Action::PromoteMember(joining.clone()), before);
            }
            before = self.member(joining, Action::MembersAgree(joining.clone()), before);
        }
        before
    }

    fn member(&mut self, joining: &Joining, action: Action, before: Vec<StepId>) -> Vec<StepId> {
        vec![self.graph.add(joining.member.as_str(), action, before)]
    }
}
