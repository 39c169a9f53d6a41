//! The dashboard, as Grafana reads it.

use std::collections::BTreeSet;

use serde::Deserialize;

#[derive(Debug, Deserialize)]
struct Dashboard {
    panels: Vec<Panel>,
    templating: Templating,
}

#[derive(Debug, Deserialize)]
struct Panel {
    id: u64,
    title: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    targets: Vec<Target>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Target {
    expr: String,
    legend_format: String,
}

#[derive(Debug, Deserialize)]
struct Templating {
    list: Vec<Variable>,
}

#[derive(Debug, Deserialize)]
struct Variable {
    name: String,
    definition: Option<String>,
}

/// A question that the dashboard asks of Prometheus.
pub(super) struct Query {
    /// Whose question it is.
    pub(super) place: String,
    pub(super) text: String,
    /// Labels that the legend shows.
    pub(super) shown: BTreeSet<String>,
}

/// Every question of a dashboard.
pub(super) fn queries(text: &str) -> Vec<Query> {
    let dashboard: Dashboard = serde_json::from_str(text).unwrap();
    let ids: BTreeSet<u64> = dashboard.panels.iter().map(|panel| panel.id).collect();
    assert_eq!(ids.len(), dashboard.panels.len(), "two panels have one id");
    let mut queries = Vec::new();
    for panel in dashboard.panels {
        assert_eq!(panel.targets.is_empty(), panel.kind == "row", "{}", panel.title);
        queries.extend(panel.targets.into_iter().map(|target| Query {
            place: format!("panel {:?}", panel.title),
            text: target.expr,
            shown: shown(&target.legend_format),
        }));
    }
    for variable in dashboard.templating.list {
        // The data source's variable asks nothing.
        let Some(definition) = variable.definition else { continue };
        let asked = definition.strip_prefix("label_values(").unwrap().strip_suffix(')').unwrap();
        let (text, label) = asked.rsplit_once(", ").unwrap();
        let place = format!("variable {}", variable.name);
        queries.push(Query { place, text: text.to_owned(), shown: [label.to_owned()].into() });
    }
    queries
}

/// The labels in `{{…}}`.
fn shown(legend: &str) -> BTreeSet<String> {
    let opened = legend.split("{{").skip(1);
    opened.map(|text| text.split_once("}}").unwrap().0.to_owned()).collect()
}
