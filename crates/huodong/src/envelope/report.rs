//! What was found in a message, for people and for programs.

use std::fmt::{self, Display, Formatter};

use serde_json::{Map, Value, json};

/// The findings, in the order they are told.
#[derive(Debug, Default)]
pub(super) struct Report {
    sections: Vec<Section>,
    found: Map<String, Value>,
    wrong: Vec<String>,
}

#[derive(Debug)]
struct Section {
    title: String,
    lines: Vec<String>,
}

impl Report {
    /// A heading and what is under it; a line may be several.
    pub(super) fn tell(
        &mut self,
        title: impl Into<String>,
        lines: impl IntoIterator<Item = String>,
    ) {
        self.sections.push(Section { title: title.into(), lines: lines.into_iter().collect() });
    }

    /// Something that is wrong, and what is usually the cause.
    pub(super) fn wrong(
        &mut self,
        what: &str,
        why: impl Into<String>,
        details: Vec<String>,
        causes: &[&str],
    ) {
        let why = why.into();
        let mut lines = details;
        if !causes.is_empty() {
            lines.push("usually because".to_owned());
            lines.extend(causes.iter().map(|cause| format!("- {cause}")));
        }
        self.found(&format!("{what}_causes"), json!(causes));
        self.wrong.push(format!("{what}: {why}"));
        self.tell(format!("{what}: WRONG: {why}"), lines);
    }

    /// A finding for programs.
    pub(super) fn found(&mut self, name: &str, value: Value) {
        self.found.insert(name.to_owned(), value);
    }

    /// What is wrong, a sentence each.
    pub(super) fn faults(&self) -> &[String] {
        &self.wrong
    }

    /// For programs.
    pub(super) fn json(&self) -> Value {
        let mut found = self.found.clone();
        found.insert("wrong".to_owned(), json!(self.wrong));
        Value::from(found)
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (number, Section { title, lines }) in self.sections.iter().enumerate() {
            if number > 0 {
                writeln!(f)?;
            }
            write!(f, "{title}")?;
            for line in lines.iter().flat_map(|line| line.lines()) {
                write!(f, "\n  {line}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
