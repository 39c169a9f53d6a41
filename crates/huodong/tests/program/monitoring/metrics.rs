//! What a `/metrics` page has.

use std::collections::{BTreeMap, BTreeSet};

/// The labels of a metric, each with the values it was seen with.
type Labels = BTreeMap<String, BTreeSet<String>>;

/// What a page has, by the names that expressions use.
#[derive(Debug, Default)]
pub(super) struct Metrics {
    /// Families as they are declared, each with its kind.
    families: BTreeMap<String, String>,
    labels: BTreeMap<String, Labels>,
}

impl Metrics {
    pub(super) fn read(page: &str) -> Self {
        let mut read = Self::default();
        for line in page.lines() {
            if let Some(declared) = line.strip_prefix("# TYPE ") {
                let (family, kind) = declared.split_once(' ').unwrap();
                read.families.insert(family.to_owned(), kind.to_owned());
            } else if !line.starts_with('#') {
                read.sample(line);
            }
        }
        let empty: Vec<_> = read.families().filter(|family| !read.was_seen(family)).collect();
        assert_eq!(empty, [] as [&str; 0], "families without a sample");
        read
    }

    fn sample(&mut self, line: &str) {
        let (sample, _) = line.rsplit_once(' ').unwrap();
        let (metric, labels) = sample.split_once('{').unwrap_or((sample, "}"));
        let family = self.family(metric).unwrap_or_else(|| panic!("{line} was not declared"));
        let names = match self.families[family].as_str() {
            // All three have the same labels, but for a bucket's `le`.
            "histogram" => ["_bucket", "_sum", "_count"].map(|s| format!("{family}{s}")).to_vec(),
            _ => vec![metric.to_owned()],
        };
        let labels = labels.strip_suffix('}').unwrap();
        let labels = labels.split_terminator(',').map(|label| {
            let (name, value) = label.split_once("=\"").unwrap();
            (name, value.strip_suffix('"').unwrap())
        });
        let labels: Vec<_> = labels.collect();
        for name in names {
            let of_a_bucket = name.ends_with("_bucket");
            let known = self.labels.entry(name).or_default();
            for (label, value) in labels.iter().filter(|(label, _)| *label != "le" || of_a_bucket) {
                known.entry((*label).to_owned()).or_default().insert((*value).to_owned());
            }
        }
    }

    /// The family that a sample's name belongs to.
    pub(super) fn family(&self, metric: &str) -> Option<&str> {
        let suffixes = ["", "_total", "_bucket", "_sum", "_count", "_info"];
        let named = suffixes.iter().filter_map(|suffix| metric.strip_suffix(suffix));
        let mut known = named.filter_map(|name| self.families.get_key_value(name));
        known.next().map(|(family, _)| family.as_str())
    }

    pub(super) fn families(&self) -> impl Iterator<Item = &str> {
        self.families.keys().map(String::as_str)
    }

    /// The labels of what a metric's name selects; `None` where that is nothing.
    pub(super) fn labels(&self, metric: &str) -> Option<&Labels> {
        self.labels.get(metric)
    }

    fn was_seen(&self, family: &str) -> bool {
        self.labels.keys().any(|metric| self.family(metric) == Some(family))
    }
}
