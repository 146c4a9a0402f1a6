//! How `certinfo` shows CSRs and CRLs.

use serde::Serialize;
use time::OffsetDateTime;

use super::certinfo_text::{minute, names, short};
use super::details;
use crate::certs::{Related, Sort};
use crate::error::Result;
use crate::pki::{CrlInfo, Field, RequestInfo, whole};
use crate::ui::{Cell, Printer, Table};

/// A CSR or CRL that could be read.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    /// Where it was.
    place: String,
    #[serde(flatten)]
    info: Info,
    #[serde(skip)]
    fields: Vec<Field>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum Info {
    Request(RequestInfo),
    Crl(CrlInfo),
}

impl Shown {
    pub(super) fn read(related: &Related) -> Result<Self> {
        let Related { place, sort, der } = related;
        let (info, fields) = match sort {
            Sort::Request => (Info::Request(RequestInfo::read(der, place)?), whole::request(der, place)?),
            Sort::Crl => (Info::Crl(CrlInfo::read(der, place)?), whole::crl(der, place)?),
        };
        Ok(Shown { place: place.clone(), info, fields })
    }

    /// Days until the next list is due; none of a CSR, or of a list that does not say.
    pub(super) fn days_left(&self, now: OffsetDateTime) -> Option<time::Duration> {
        match &self.info {
            Info::Crl(CrlInfo { next_update: Some(next), .. }) => Some(*next - now),
            _ => None,
        }
    }

    pub(super) fn block(&self, printer: &Printer) -> String {
        let mut fields = Vec::new();
        match &self.info {
            Info::Request(request) => {
                let own = if request.problem.is_empty() { "its own signature is good" } else { &request.problem };
                fields.push(Field::new("CSR", own));
                fields.push(Field::new("names", request.sans.join(", ")));
            }
            Info::Crl(crl) => {
                let what = if crl.is_delta { "what has changed since another CRL" } else { "all that are revoked" };
                fields.push(Field::new("CRL", what));
            }
        }
        fields.retain(|field| !field.value.is_empty());
        fields.extend_from_slice(&self.fields);
        details::block(&self.place, &fields, printer)
    }
}

/// A table of the CSRs and one of the CRLs, where there are any. `whole` cuts nothing.
pub(super) fn tables(all: &[Shown], whole: bool, now: OffsetDateTime, printer: &Printer) -> Vec<String> {
    let new = |header: &[&str]| if whole { Table::new(header) } else { Table::new(header).fitted() };
    let mut requests = new(&["CSR OF", "NAMES", "KEY", "SIGNATURE", "CA", "PROBLEM", "WHERE"]);
    let mut crls = new(&["CRL OF", "NUMBER", "MADE", "NEXT", "REVOKED", "WHERE"]);
    let (mut asked, mut listed) = (false, false);
    for shown in all {
        match &shown.info {
            Info::Request(request) => {
                asked = true;
                requests.row(vec![
                    short(&request.subject).into(),
                    names(&request.sans),
                    request.key.clone().into(),
                    request.signature_algorithm.clone().into(),
                    if request.is_ca { "yes" } else { "no" }.into(),
                    Cell::colored(request.problem.clone(), "31"),
                    Cell::path(&shown.place),
                ]);
            }
            Info::Crl(crl) => {
                listed = true;
                let late = crl.next_update.is_some_and(|next| next < now);
                let next = crl.next_update.map_or_else(|| "none".to_owned(), minute);
                crls.row(vec![
                    short(&crl.issuer).into(),
                    if crl.is_delta { format!("{} (delta)", crl.number) } else { crl.number.clone() }.into(),
                    minute(crl.this_update).into(),
                    Cell::colored(next, if late { "31" } else { "" }),
                    crl.revoked.to_string().into(),
                    Cell::path(&shown.place),
                ]);
            }
        }
    }
    let tables = [(asked, requests), (listed, crls)];
    tables.into_iter().filter(|(any, _)| *any).map(|(_, table)| table.render(printer)).collect()
}
