//! The alert rules, as Prometheus reads them.

use std::collections::BTreeSet;

use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    groups: Vec<Group>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    #[serde(rename = "name")]
    _name: String,
    rules: Vec<Rule>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rule {
    pub(super) alert: String,
    pub(super) expr: String,
    #[serde(rename = "for")]
    _for: Option<String>,
    pub(super) labels: Labels,
    pub(super) annotations: Annotations,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Labels {
    pub(super) severity: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Annotations {
    summary: String,
    pub(super) runbook: String,
}

impl Rule {
    /// The labels that its text shows.
    pub(super) fn shown(&self) -> BTreeSet<String> {
        let named = self.annotations.summary.split("$labels.").skip(1);
        let end = |c: char| !c.is_ascii_alphanumeric() && c != '_';
        named.map(|text| text.split(end).next().unwrap().to_owned()).collect()
    }
}

/// Every alert, in the file's order.
pub(super) fn alerts(text: &str) -> Vec<Rule> {
    let file: File = serde_saphyr::from_str(text).unwrap();
    file.groups.into_iter().flat_map(|group| group.rules).collect()
}
