//! Answers of the queries over rows of invocations, beside the rows themselves.

use serde_json::Value;

use super::Ours;
use super::queries::{assert_near, number, rows_by};

/// The sum of a member over rows, `null` being nothing.
fn sum(rows: &[Value], member: &str) -> f64 {
    rows.iter().filter_map(|row| row[member].as_f64()).sum()
}

fn with_verdict(rows: &[Value], verdict: &str) -> f64 {
    rows.iter().filter(|row| row["verdict"] == verdict).count() as f64
}

pub(super) fn row_error_rate(ours: &Ours, answers: &Value, query: &str) {
    let answers = rows_by(answers, query, "function_name");
    assert_eq!(answers.len(), ours.rows.len());
    for (function, rows) in &ours.rows {
        let answer = answers[function.as_str()];
        let failed: f64 = ["error", "crash", "timeout", "oom"]
            .map(|verdict| with_verdict(rows, verdict))
            .iter()
            .sum();
        assert_eq!(number(answer, "invocations"), rows.len() as f64, "{answer}");
        assert_eq!(number(answer, "failed"), failed, "{answer}");
        assert_near(answer, "failed_percent", 100.0 * failed / rows.len() as f64, 0.01);
        assert_eq!(number(answer, "timeouts"), with_verdict(rows, "timeout"), "{answer}");
        assert_eq!(number(answer, "crashes"), with_verdict(rows, "crash"), "{answer}");
        assert_eq!(
            number(answer, "error_lines"),
            sum(rows, "error") + sum(rows, "fatal"),
            "{answer}"
        );
    }
    assert_eq!(number(answers["checkout"], "invocations"), 22.0);
    assert_eq!(number(answers["checkout"], "failed"), 5.0);
}

pub(super) fn row_durations(ours: &Ours, answers: &Value, query: &str) {
    let answers = rows_by(answers, query, "function_name");
    for (function, rows) in &ours.rows {
        let mut durations: Vec<_> = rows.iter().filter_map(|row| row["durationMs"].as_f64()).collect();
        durations.sort_by(f64::total_cmp);
        let answer = answers[function.as_str()];
        let last = durations.len() - 1;
        assert_eq!(number(answer, "invocations"), durations.len() as f64);
        assert_near(answer, "max_ms", durations[last], 0.06);
        for (column, part) in [("p50_ms", 0.5), ("p95_ms", 0.95), ("p99_ms", 0.99)] {
            // An estimate, as Athena's is: between the neighbours of the exact one.
            let place = (part * last as f64).round() as usize;
            let around = durations[place.saturating_sub(2)] - 0.06..=durations[(place + 2).min(last)] + 0.06;
            assert!(
                around.contains(&number(answer, column)),
                "{column} of {durations:?}: {answer}"
            );
        }
    }
}

pub(super) fn row_cold_starts(ours: &Ours, answers: &Value, query: &str) {
    let answers = rows_by(answers, query, "function_name");
    for (function, rows) in &ours.rows {
        let cold: Vec<_> = rows.iter().filter(|row| row["coldStart"] == true).collect();
        let answer = answers[function.as_str()];
        assert_eq!(number(answer, "cold_starts"), cold.len() as f64, "{answer}");
        let times: Vec<_> = cold.iter().filter_map(|row| row["initMs"].as_f64()).collect();
        assert_near(
            answer,
            "average_start_ms",
            times.iter().sum::<f64>() / times.len() as f64,
            0.06,
        );
        assert_near(
            answer,
            "longest_start_ms",
            times.iter().copied().fold(0.0, f64::max),
            0.06,
        );
    }
    assert!(number(answers["checkout"], "cold_starts") >= 1.0);
}

pub(super) fn row_costs(ours: &Ours, answers: &Value, query: &str) {
    let answers = rows_by(answers, query, "function_name");
    for (function, rows) in &ours.rows {
        let of_row = |row: &Value| Some(row["billedMs"].as_f64()? * row["memoryMb"].as_f64()?);
        let gb_seconds = rows.iter().filter_map(of_row).sum::<f64>() / 1_024_000.0;
        let answer = answers[function.as_str()];
        assert_near(answer, "gb_seconds", gb_seconds, 0.000_6);
        let dollars = gb_seconds * 0.000_016_666_7 + rows.len() as f64 * 0.000_000_2;
        assert_near(answer, "dollars", dollars, 0.000_000_6);
    }
}

pub(super) fn row_memory(ours: &Ours, answers: &Value, query: &str) {
    let answers = rows_by(answers, query, "function_name");
    for (function, rows) in &ours.rows {
        let most = rows
            .iter()
            .filter_map(|row| row["maxMemoryMb"].as_f64())
            .fold(0.0, f64::max);
        let answer = answers[function.as_str()];
        assert_eq!(number(answer, "memory_mb"), 1_024.0, "{answer}");
        assert_eq!(number(answer, "out_of_memory"), with_verdict(rows, "oom"), "{answer}");
        assert_eq!(number(answer, "most_memory_mb"), most, "{answer}");
        assert_near(answer, "most_percent", 100.0 * most / 1_024.0, 0.06);
    }
}

pub(super) fn row_errors(ours: &Ours, answers: &Value, query: &str) {
    let answers = answers[query].as_array().unwrap();
    let with_error = ours.rows.values().flatten().filter(|row| !row["firstError"].is_null());
    let counted: f64 = answers.iter().map(|answer| number(answer, "invocations")).sum();
    assert_eq!(counted, with_error.count() as f64, "{answers:#?}");
    // What differs in numbers alone is one mistake.
    let most = &answers[0];
    assert!(
        number(most, "invocations") >= 4.0 && !most["what"].as_str().unwrap().contains(['0', '1', '2']),
        "{most}"
    );
}
