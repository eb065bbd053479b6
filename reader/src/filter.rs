//! Which events are shown.

use forwarder_core::route::Level;
use forwarder_core::route::pattern::Pattern;

use crate::entry::Entry;

/// Wanted events; of each kind any, of different kinds all. Nothing asked for: everything.
#[derive(Debug, Default)]
pub struct Filter {
    /// Functions by name; `*` stands for anything.
    pub functions: Vec<String>,
    /// Requests by the beginning of their ids.
    pub requests: Vec<String>,
    /// Traces by the beginning of their ids; X-Ray's form `1-<8>-<24>` is one, too.
    pub traces: Vec<String>,
    /// Durable executions by ARN; `*` stands for anything.
    pub executions: Vec<String>,
    /// Log lines of this level and above; nothing else.
    pub level: Option<Level>,
    /// Types, as routes have them: `function`, `platform.report`, `platform.*`.
    pub types: Vec<String>,
    /// Search terms for the text.
    pub patterns: Vec<Pattern>,
}

impl Filter {
    /// True if everything passes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.functions.is_empty()
            && self.requests.is_empty()
            && self.traces.is_empty()
            && self.executions.is_empty()
            && self.level.is_none()
            && self.types.is_empty()
            && self.patterns.is_empty()
    }

    /// True if an event passes.
    #[must_use]
    pub fn passes(&self, entry: &Entry) -> bool {
        let any = |wanted: &[String], matches: &dyn Fn(&str) -> bool| {
            wanted.is_empty() || wanted.iter().any(|wanted| matches(wanted))
        };
        any(&self.functions, &|wanted| is_like(&entry.function, wanted))
            && any(&self.requests, &|wanted| entry.request.starts_with(wanted))
            && any(&self.traces, &|wanted| {
                !entry.trace.is_empty() && entry.trace.starts_with(&plain_trace(wanted))
            })
            && any(&self.executions, &|wanted| {
                !entry.execution.is_empty() && is_like(&entry.execution, wanted)
            })
            && any(&self.types, &|wanted| is_like(&entry.kind, wanted))
            && self
                .level
                .is_none_or(|least| entry.level.is_some_and(|level| level >= least))
            && (self.patterns.is_empty() || {
                let text = entry.plain();
                self.patterns.iter().any(|pattern| pattern.is_match(&text))
            })
    }
}

/// A trace id as the envelope has it, of one that X-Ray's console may show.
fn plain_trace(id: &str) -> String {
    let id = id.trim();
    id.strip_prefix("1-")
        .unwrap_or(id)
        .replace('-', "")
        .to_ascii_lowercase()
}

/// True if a name is as wanted, where each `*` stands for anything.
fn is_like(name: &str, wanted: &str) -> bool {
    let Some((beginning, rest)) = wanted.split_once('*') else {
        return name == wanted;
    };
    let Some(mut name) = name.strip_prefix(beginning) else {
        return false;
    };
    let mut parts = rest.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return name.ends_with(part);
        }
        match name.split_once(part) {
            Some((_, after)) => name = after,
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Line;
    use crate::entry::Entries;

    fn entry(kind: &str, record: &str) -> Entry {
        let line = format!(
            r#"{{"type":"{kind}","record":{record},"forwarder":{{"id":"i","sink":"s","seq":0,"requestId":"8f2a-1","traceId":"62e900b2710d76f009d6e7785905449a","executionArn":"arn:aws:lambda:eu-west-1:1:function:f:7/durable-execution/order-17/4f6a","resource":{{"faas.name":"checkout-api"}}}}}}"#
        );
        Entries::default().entry(&Line(&line).event().unwrap())
    }

    fn passes(filter: Filter) -> [bool; 2] {
        assert!(!filter.is_empty());
        [
            filter.passes(&entry("function", "\"[WARN] stock is low\\n\"")),
            filter.passes(&entry("platform.report", r#"{"status":"timeout"}"#)),
        ]
    }

    #[test]
    fn each_filter_keeps_what_is_asked_for() {
        let filter = Filter::default;
        let functions = |name: &str| Filter {
            functions: vec![name.into()],
            ..filter()
        };
        assert_eq!(passes(functions("checkout-*")), [true, true]);
        assert_eq!(passes(functions("checkout")), [false, false]);
        let requests = |id: &str| Filter {
            requests: vec!["x".into(), id.into()],
            ..filter()
        };
        assert_eq!(passes(requests("8f2a")), [true, true]);
        assert_eq!(passes(requests("8f2b")), [false, false]);
        let traces = |id: &str| Filter {
            traces: vec![id.into()],
            ..filter()
        };
        assert_eq!(passes(traces("62e900b2710d76f009d6e7785905449a")), [true, true]);
        assert_eq!(passes(traces("1-62E900B2-710d76f009d6e7785905449a")), [true, true]);
        assert_eq!(passes(traces("72e9")), [false, false]);
        let executions = |arn: &str| Filter {
            executions: vec![arn.into()],
            ..filter()
        };
        assert_eq!(passes(executions("*/order-17/*")), [true, true]);
        assert_eq!(passes(executions("order-17")), [false, false]);
        let level = |level| Filter {
            level: Some(level),
            ..filter()
        };
        assert_eq!(passes(level(Level::Warn)), [true, false]);
        assert_eq!(passes(level(Level::Error)), [false, false]);
        let types = |kind: &str| Filter {
            types: vec![kind.into()],
            ..filter()
        };
        assert_eq!(passes(types("platform.*")), [false, true]);
        assert_eq!(passes(types("function")), [true, false]);
        let grep = |source: &str| Filter {
            patterns: vec![Pattern::new(source).unwrap()],
            ..filter()
        };
        assert_eq!(passes(grep("stock.*low")), [true, false]);
        assert_eq!(passes(grep("^REPORT timeout")), [false, true]);
    }

    #[test]
    fn filters_of_different_kinds_must_all_let_it_pass() {
        let filter = Filter {
            types: vec!["function".into()],
            level: Some(Level::Error),
            ..Filter::default()
        };
        assert_eq!(passes(filter), [false, false]);
    }

    #[test]
    fn stars_stand_for_anything() {
        for (name, wanted) in [
            ("checkout", "*"),
            ("checkout", "check*"),
            ("a-b-c", "a*b*c"),
            ("aa", "a*a"),
            ("", "*"),
        ] {
            assert!(is_like(name, wanted), "{name} {wanted}");
        }
        for (name, wanted) in [
            ("a", "a*a"),
            ("checkout", "*x"),
            ("abc", "a*d*c"),
            ("checkout", "Check*"),
        ] {
            assert!(!is_like(name, wanted), "{name} {wanted}");
        }
    }
}
