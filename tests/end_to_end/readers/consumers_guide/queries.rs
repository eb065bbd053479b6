//! Rows of each query, beside what our own reader found.

use std::collections::{BTreeMap, BTreeSet};

use reader::decode::Standing;
use serde_json::Value;

use super::Ours;

/// The rows of a query, by what stands in one column.
pub(super) fn rows_by<'a>(answers: &'a Value, query: &str, column: &str) -> BTreeMap<&'a str, &'a Value> {
    let rows = answers[query]
        .as_array()
        .unwrap_or_else(|| panic!("{query}: no such query"));
    let by: BTreeMap<_, _> = rows.iter().map(|row| (row[column].as_str().unwrap(), row)).collect();
    assert_eq!(by.len(), rows.len(), "{query}: {rows:#?}");
    by
}

pub(super) fn number(row: &Value, column: &str) -> f64 {
    row[column].as_f64().unwrap_or_else(|| panic!("{column} in {row}"))
}

pub(super) fn assert_near(row: &Value, column: &str, expected: f64, tolerance: f64) {
    let found = number(row, column);
    assert!(
        (found - expected).abs() <= tolerance,
        "{column}: {found}, expected {expected}, in {row}"
    );
}

fn metric(report: &Value, name: &str) -> f64 {
    report["record"]["metrics"][name].as_f64().unwrap()
}

pub(super) fn error_rate(ours: &Ours, answers: &Value, query: &str) {
    let (reports, lines) = (ours.by_function("platform.report"), ours.by_function("function"));
    let rows = rows_by(answers, query, "function_name");
    assert_eq!(rows.keys().collect::<Vec<_>>(), lines.keys().collect::<Vec<_>>());
    for (function, row) in &rows {
        let failed = |report: &&&Value| report["record"]["status"] != "success";
        let (all, failed) = (reports[function].len(), reports[function].iter().filter(failed).count());
        assert_eq!(
            (number(row, "invocations"), number(row, "failed")),
            (all as f64, failed as f64),
            "{row}"
        );
        assert_near(row, "failed_percent", 100.0 * failed as f64 / all as f64, 0.01);
        // The test function writes a level into each line, in one place.
        let is_error = |line: &&&Value| {
            let record = &line["record"];
            let text = record
                .as_str()
                .map_or_else(|| record["level"].to_string(), str::to_owned);
            text.contains("ERROR") || text.contains("FATAL")
        };
        let errors = lines[function].iter().filter(is_error).count();
        assert_eq!(number(row, "log_lines"), lines[function].len() as f64, "{row}");
        assert_eq!(number(row, "error_lines"), errors as f64, "{row}");
    }
    assert!(number(rows["checkout"], "failed") >= 4.0 && number(rows["checkout"], "error_lines") > 20.0);
}

pub(super) fn durations(ours: &Ours, answers: &Value, query: &str) {
    let rows = rows_by(answers, query, "function_name");
    for (function, reports) in ours.by_function("platform.report") {
        let row = rows[function];
        let mut durations: Vec<f64> = reports.iter().map(|report| metric(report, "durationMs")).collect();
        durations.sort_by(f64::total_cmp);
        let last = durations[durations.len() - 1];
        assert_eq!(number(row, "invocations"), durations.len() as f64);
        assert_near(row, "max_ms", last, 0.06);
        // An estimate, as Athena's is: between the neighbours of the exact one.
        let (p50, p99) = (number(row, "p50_ms"), number(row, "p99_ms"));
        let middle = durations.len() / 2;
        let around =
            durations[middle.saturating_sub(2)] - 0.06..=durations[(middle + 2).min(durations.len() - 1)] + 0.06;
        assert!(around.contains(&p50), "{p50} in {durations:?}");
        assert!(
            p99 >= durations[durations.len().saturating_sub(2)] - 0.06 && p99 <= last + 0.06,
            "{p99} in {durations:?}"
        );
        let timeouts = reports
            .iter()
            .filter(|report| report["record"]["status"] == "timeout")
            .count();
        assert_eq!(number(row, "timeouts"), timeouts as f64);
        let memory = reports
            .iter()
            .map(|report| metric(report, "maxMemoryUsedMB"))
            .fold(0.0, f64::max);
        assert_eq!(number(row, "most_memory_mb"), memory);
    }
    assert_eq!(number(rows["checkout"], "timeouts"), 1.0);
}

pub(super) fn cold_starts(ours: &Ours, answers: &Value, query: &str) {
    let rows = rows_by(answers, query, "function_name");
    for (function, reports) in ours.by_function("platform.report") {
        let starts = reports
            .iter()
            .filter_map(|report| report["record"]["metrics"]["initDurationMs"].as_f64());
        let starts: Vec<f64> = starts.collect();
        let row = rows[function];
        assert_eq!(number(row, "cold_starts"), starts.len() as f64, "{row}");
        assert_near(
            row,
            "cold_percent",
            100.0 * starts.len() as f64 / reports.len() as f64,
            0.01,
        );
        assert_near(
            row,
            "average_start_ms",
            starts.iter().sum::<f64>() / starts.len() as f64,
            0.06,
        );
        assert_near(
            row,
            "longest_start_ms",
            starts.iter().copied().fold(0.0, f64::max),
            0.06,
        );
    }
}

pub(super) fn cost(ours: &Ours, answers: &Value, query: &str) {
    let rows = rows_by(answers, query, "function_name");
    for (function, reports) in ours.by_function("platform.report") {
        let gb_seconds =
            |report: &&Value| metric(report, "billedDurationMs") / 1_000.0 * metric(report, "memorySizeMB") / 1_024.0;
        let gb_seconds: f64 = reports.iter().map(gb_seconds).sum();
        let row = rows[function];
        assert!(gb_seconds > 0.0);
        assert_near(row, "gb_seconds", gb_seconds, 0.000_6);
        assert_near(
            row,
            "dollars",
            gb_seconds * 0.000_016_666_7 + reports.len() as f64 * 0.000_000_2,
            0.000_000_6,
        );
    }
}

pub(super) fn missing(ours: &Ours, answers: &Value, query: &str) {
    let rows = rows_by(answers, query, "id");
    let mut standings = BTreeSet::new();
    for life in &ours.lives {
        let row = rows[life.life.id.as_str()];
        let standing = match life.standing {
            Standing::Complete => "complete",
            Standing::Lost => "lost",
            Standing::Unproven => "unproven",
        };
        standings.insert(standing);
        assert_eq!(
            (row["sink"].as_str(), row["standing"].as_str()),
            (Some("firehose"), Some(standing)),
            "{life:?} {row}"
        );
        assert_eq!(number(row, "lost"), life.lost_lines() as f64, "{life:?} {row}");
        assert_eq!(
            row["first_lost"].as_u64(),
            life.lost.first().map(|[first, _]| *first),
            "{life:?} {row}"
        );
        assert_eq!(number(row, "lines"), (life.events + life.own) as f64, "{life:?} {row}");
        assert_eq!(number(row, "repeats"), life.repeats as f64, "{life:?} {row}");
    }
    assert_eq!(rows.len(), ours.lives.len());
    assert_eq!(
        standings.len(),
        3,
        "the telemetry has a life of each kind: {:#?}",
        ours.lives
    );
    assert!(ours.lives.iter().any(|life| life.repeats > 0) && ours.lives.iter().any(|life| life.announced > 0));
}

pub(super) fn configurations(ours: &Ours, answers: &Value, query: &str) {
    let mut last: BTreeMap<(&str, &str), (u64, &str)> = BTreeMap::new();
    for (function, reports) in ours.by_function("forwarder.report") {
        for report in reports {
            let id = report["forwarder"]["id"].as_str().unwrap();
            let seq = report["forwarder"]["seq"].as_u64().unwrap();
            let config = report["record"]["config"].as_str().unwrap_or("local");
            let known = last.entry((function, id)).or_insert((seq, config));
            *known = (*known).max((seq, config));
        }
    }
    let mut expected: BTreeMap<(&str, &str), f64> = BTreeMap::new();
    for ((function, _), (_, config)) in last {
        *expected.entry((function, config)).or_default() += 1.0;
    }
    assert_eq!(expected[&("export", "7")], 1.0);
    let rows = answers[query].as_array().unwrap().iter();
    let found = rows.map(|row| {
        let text = |column: &str| row[column].as_str().unwrap();
        ((text("function_name"), text("config")), number(row, "environments"))
    });
    assert_eq!(found.collect::<BTreeMap<_, _>>(), expected);
}

pub(super) fn long_lines(ours: &Ours, answers: &Value, query: &str) {
    let rows = answers[query].as_array().unwrap();
    let key = |id: &Value, seq: &Value| (id.as_str().unwrap().to_owned(), seq.as_u64().unwrap());
    let found: BTreeMap<_, Value> = rows
        .iter()
        .map(|row| {
            (
                key(&row["id"], &row["seq"]),
                serde_json::from_str(row["record"].as_str().unwrap()).unwrap(),
            )
        })
        .collect();
    let expected = ours.joined.iter().map(|event| {
        let stamp = &event["forwarder"];
        (key(&stamp["id"], &stamp["seq"]), event["record"].clone())
    });
    assert!(found == expected.collect(), "the parts make other lines");
}
