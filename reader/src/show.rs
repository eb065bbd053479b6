//! From events to what stands on standard output.

use std::collections::HashMap;

use crate::decode::Line;
use tokio::time::Instant;

use crate::clean::clean_json;
use crate::entry::{Entries, Entry};
use crate::event::Event;
use crate::filter::Filter;
use crate::order::Order;

/// Output format of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// A line for a person; stack traces below theirs.
    Lines {
        /// In colours.
        colours: bool,
    },
    /// The event as it came: one JSON text a line.
    Json {
        /// Characters that a terminal acts on are escaped, as JSON allows.
        on_a_terminal: bool,
    },
    /// A line of a table for each row of an invocation.
    Rows {
        /// In colours.
        colours: bool,
    },
    /// Nothing.
    Nothing,
}

/// What need not wait and is not shown yet, bytes.
const MOST_READY: usize = 16 * 1024 * 1024;

/// Brings events in order, filters and renders them.
pub struct Show {
    output: Output,
    filter: Filter,
    order: Order,
    entries: Entries,
    /// Lines that need not wait.
    ready: Vec<Event>,
    ready_bytes: usize,
    rows: Rows,
    /// Who else is shown what is shown.
    watchers: Vec<Watcher>,
}

/// Rows of invocations among the events that were looked at.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Rows {
    /// There were so many.
    pub seen: u64,
    /// So many passed the filter.
    pub shown: u64,
}

/// Is given events that pass the filter, in their order, each with whether it goes on with the one before.
pub type Watcher = Box<dyn FnMut(Vec<(Event, Entry, bool)>) + Send>;

impl Show {
    /// Nothing was shown yet.
    #[must_use]
    pub fn new(output: Output, filter: Filter) -> Self {
        Self {
            output,
            filter,
            order: Order::default(),
            entries: Entries::default(),
            ready: Vec::new(),
            ready_bytes: 0,
            rows: Rows::default(),
            watchers: Vec::new(),
        }
    }

    /// Shows everything to somebody else, too, whatever is written.
    pub fn watch(&mut self, watcher: Watcher) {
        self.watchers.push(watcher);
    }

    /// Takes events as they come.
    pub fn take(&mut self, events: impl IntoIterator<Item = Event>, now: Instant) {
        if self.output == Output::Nothing && self.watchers.is_empty() {
            return;
        }
        for event in events {
            if let Some(event) = self.order.push(event, now) {
                self.ready_bytes += event.line.len() + size_of::<Event>();
                self.ready.push(event);
            }
        }
    }

    /// True if more waits than there is room for.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.order.is_full() || self.ready_bytes > MOST_READY
    }

    /// Appends what can be shown by now, line by line.
    pub fn release(&mut self, now: Instant, out: &mut String) {
        let mut events = std::mem::take(&mut self.ready);
        self.ready_bytes = 0;
        self.order.release(now, &mut events);
        self.render(&events, out);
    }

    /// Appends everything that is left.
    pub fn finish(&mut self, out: &mut String) {
        let mut events = std::mem::take(&mut self.ready);
        self.ready_bytes = 0;
        self.order.flush(&mut events);
        self.render(&events, out);
    }

    /// Lines taken and not shown yet.
    pub fn waiting(&self) -> impl Iterator<Item = &Event> {
        self.ready.iter().chain(self.order.waiting())
    }

    /// Rows so far. Events that are written as they came, without a filter, are not looked at.
    #[must_use]
    pub fn rows(&self) -> Rows {
        self.rows
    }

    fn render(&mut self, events: &[Event], out: &mut String) {
        let mut groups: Vec<_> = events.chunk_by(belongs).collect();
        if !matches!(self.output, Output::Json { .. }) {
            by_time(&mut groups);
        }
        for group in groups {
            self.group(group, out);
        }
    }

    /// A line with those that continue it: all of them are shown if one of them passes.
    fn group(&mut self, group: &[Event], out: &mut String) {
        if let Output::Json { on_a_terminal } = self.output
            && self.filter.is_empty()
            && self.watchers.is_empty()
        {
            for event in group {
                json(&event.line, on_a_terminal, out);
            }
            return;
        }
        let mut shown = Vec::with_capacity(group.len());
        for event in group {
            // It was an event before it came here.
            let Ok(forwarded) = Line(&event.line).event() else {
                continue;
            };
            shown.push((event, self.entries.entry(&forwarded)));
        }
        let rows = shown.iter().filter(|(_, entry)| entry.is_row()).count() as u64;
        self.rows.seen += rows;
        if !shown.iter().any(|(_, entry)| self.filter.passes(entry)) {
            return;
        }
        self.rows.shown += rows;
        for (index, (event, entry)) in shown.iter().enumerate() {
            match self.output {
                Output::Lines { colours } => {
                    self.entries.render(entry, index > 0, colours, out);
                }
                Output::Json { on_a_terminal } => json(&event.line, on_a_terminal, out),
                Output::Rows { colours } => {
                    self.entries.render_row(entry, colours, out);
                }
                Output::Nothing => {}
            }
        }
        let Some((last, others)) = self.watchers.split_last_mut() else {
            return;
        };
        let shown = shown.into_iter().enumerate();
        let shown: Vec<_> = shown
            .map(|(index, (event, entry))| (event.clone(), entry, index > 0))
            .collect();
        for watcher in others {
            watcher(shown.clone());
        }
        last(shown);
    }
}

fn json(line: &str, on_a_terminal: bool, out: &mut String) {
    if on_a_terminal {
        out.push_str(&clean_json(line));
    } else {
        out.push_str(line);
    }
    out.push('\n');
}

/// Lines of different forwarders in the order of their times; each forwarder's own order stays.
fn by_time(groups: &mut [&[Event]]) {
    let mut latest: HashMap<(&str, &str), &str> = HashMap::new();
    let mut times = Vec::with_capacity(groups.len());
    for group in groups.iter() {
        let Some(event) = group.first() else { continue };
        let life = event.place.as_ref().map_or(("", ""), |place| (&place.id, &place.sink));
        let time = latest.entry(life).or_default();
        // One that is earlier than the one before it, or has no time, stands right behind it.
        *time = (*time).max(&event.time);
        times.push(*time);
    }
    let mut sorted: Vec<_> = times.into_iter().zip(groups.iter().copied()).collect();
    sorted.sort_by_key(|(time, _)| *time);
    for (group, (_, in_order)) in groups.iter_mut().zip(sorted) {
        *group = in_order;
    }
}

/// True if an event continues the one before it.
fn belongs(before: &Event, event: &Event) -> bool {
    let (Some(first), Some(second)) = (&before.place, &event.place) else {
        return false;
    };
    event.goes_on_with(before)
        && before.is_log
        && (&first.id, &first.sink) == (&second.id, &second.sink)
        && first.seq.saturating_add(first.span) == second.seq
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unpack::tests::line;
    use forwarder_core::route::pattern::Pattern;
    use std::time::Duration;

    fn show(output: Output, filter: Filter, lines: &[String]) -> String {
        let mut show = Show::new(output, filter);
        show.take(
            lines.iter().map(|line| Event::of_line(line.clone()).unwrap()),
            Instant::now(),
        );
        let mut out = String::new();
        show.release(Instant::now() + Duration::from_secs(1), &mut out);
        show.finish(&mut out);
        assert_eq!(show.waiting().count(), 0);
        out
    }

    fn trace() -> Vec<String> {
        let records = [
            r#""fine\n""#,
            r#""[ERROR] failed\n""#,
            r#""  at f\n""#,
            r#""\tat g\n""#,
            r#""[INFO] fine again\n""#,
        ];
        records
            .iter()
            .zip(0..)
            .map(|(record, seq)| line("a", seq, record))
            .collect()
    }

    #[test]
    fn a_trace_is_shown_whole_when_one_line_of_it_is_asked_for() {
        let grep = |source| Filter {
            patterns: vec![Pattern::new(source).unwrap()],
            ..Filter::default()
        };
        let lines = Output::Lines { colours: false };
        for source in ["failed", "at g"] {
            let shown = show(lines, grep(source), &trace());
            assert_eq!(shown.lines().count(), 3, "{shown}");
            assert!(
                shown.contains("[ERROR] failed\n") && shown.contains("│   at f\n"),
                "{shown}"
            );
        }
        assert_eq!(show(lines, grep("nothing"), &trace()), "");
    }

    #[test]
    fn json_is_as_it_came() {
        let lines = trace();
        let json = Output::Json { on_a_terminal: false };
        assert_eq!(show(json, Filter::default(), &lines), lines.join("\n") + "\n");
        let errors = Filter {
            level: Some(forwarder_core::route::Level::Error),
            ..Filter::default()
        };
        let shown = show(json, errors, &lines);
        assert_eq!(shown, lines[1..4].join("\n") + "\n", "levels are inherited");
        assert_eq!(show(Output::Nothing, Filter::default(), &lines), "");
    }

    #[test]
    fn what_different_forwarders_sent_comes_in_the_order_in_which_it_happened() {
        let at = |id: &str, seq: u64, time: &str| {
            line(id, seq, &format!("\"{id}{seq}\"")).replacen(
                '{',
                &format!("{{\"time\":\"2026-11-20T09:14:0{time}Z\","),
                1,
            )
        };
        let lines = [
            at("b", 0, "2"),
            at("b", 1, "1"),
            at("b", 2, "5"),
            at("a", 0, "1"),
            at("a", 1, "3"),
        ];
        let shown = show(Output::Lines { colours: false }, Filter::default(), &lines);
        let order: Vec<_> = shown.lines().map(|line| &line[line.len() - 2..]).collect();
        assert_eq!(order, ["a0", "b0", "b1", "a1", "b2"], "{shown}");
    }

    #[test]
    fn lines_of_others_do_not_continue_a_trace() {
        let lines = [line("a", 0, r#""[ERROR] failed\n""#), line("b", 0, r#""  at f\n""#)];
        let shown = show(Output::Lines { colours: false }, Filter::default(), &lines);
        assert!(!shown.contains('│'), "{shown}");
    }
}
