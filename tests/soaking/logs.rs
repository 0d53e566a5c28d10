//! What the logs of all processes say, read when each has ended, however it did: which jobs were
//! published, how they were settled, and panics. A line is written before what it tells of is
//! made final, so a killed process leaves none out that counts.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Jobs by id.
#[derive(Debug, Default)]
pub struct Logs {
    /// RabbitMQ has confirmed them.
    pub published: BTreeSet<String>,
    /// They were done at least once.
    pub done: BTreeSet<String>,
    /// They became dead letters.
    pub dead: BTreeSet<String>,
    /// Attempts that ended with a later one.
    pub retries: u64,
    /// Lines that tell of a panic.
    pub panics: Vec<String>,
    /// Why jobs were put aside, by their ids.
    pub put_aside: BTreeMap<String, String>,
}

impl Logs {
    /// Reads a process's log.
    pub fn read(&mut self, text: &str) {
        for line in text.lines() {
            if line.contains("panicked at") {
                self.panics.push(line.to_owned());
            } else if line.contains("\"message\":\"published\"") {
                self.read_published(line);
            } else if line.contains("\"settled\":") {
                self.read_settled(line);
            } else if line.contains("the job is put aside") {
                self.read_put_aside(line);
            }
        }
    }

    fn read_published(&mut self, line: &str) {
        let line: Value = serde_json::from_str(line).unwrap_or_default();
        if let (Some(id), Some("confirmed")) = (line["id"].as_str(), line["result"].as_str()) {
            self.published.insert(id.to_owned());
        }
    }

    fn read_put_aside(&mut self, line: &str) {
        let line: Value = serde_json::from_str(line).unwrap_or_default();
        if let (Some(id), Some(reason)) = (line["span"]["id"].as_str(), line["reason"].as_str()) {
            self.put_aside.insert(id.to_owned(), reason.to_owned());
        }
    }

    fn read_settled(&mut self, line: &str) {
        let line: Value = serde_json::from_str(line).unwrap_or_default();
        let Some(id) = line["span"]["id"].as_str().map(str::to_owned) else {
            return;
        };
        match line["settled"].as_str() {
            Some("done") => drop(self.done.insert(id)),
            Some("dead") => drop(self.dead.insert(id)),
            Some("retry" | "postponed" | "deferred") => self.retries += 1,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_counts_is_read_of_a_log() {
        let mut logs = Logs::default();
        logs.read(
            r#"{"level":"DEBUG","message":"published","id":"a","lane":"interactive","result":"confirmed"}
{"level":"DEBUG","message":"published","id":"b","lane":"bulk","result":"unavailable"}
{"level":"INFO","message":"job","settled":"done","attempt":1,"span":{"id":"a","name":"job"}}
{"level":"INFO","message":"job","settled":"retry","attempt":1,"span":{"id":"b","name":"job"}}
{"level":"ERROR","message":"the job is put aside","reason":"why","span":{"id":"c","name":"job"}}
{"level":"INFO","message":"jo
thread 'main' panicked at x.rs:1:1:"#,
        );
        assert_eq!((logs.published.len(), logs.done.len()), (1, 1));
        assert_eq!(
            (logs.retries, logs.dead.len(), logs.panics.len()),
            (1, 0, 1)
        );
    }
}
