//! Properties of whole tables.

use proptest::prelude::*;

use super::field::{Operator, Value};
use super::*;

const SINKS: [&str; 3] = ["kinesis", "firehose", "stdout"];

#[test]
fn the_index_of_each_known_type_is_its_place() {
    for (index, name) in KNOWN_TYPES.iter().enumerate() {
        assert_eq!(type_index(&Kind::from_name(*name)), Some(index), "{name}");
        assert_eq!(Kind::from_name(*name).name(), *name);
    }
}

#[test]
fn what_may_reach_a_sink_is_known_beforehand() {
    let may = |routes: &str| Routes::parse(routes, &SINKS).unwrap().may_send(&Kind::Extension, 2);
    assert!(may("* -> stdout"));
    assert!(may(
        "function -> kinesis; extension level>=error -> stdout; * -> kinesis"
    ));
    assert!(may("extension level>=error -> kinesis; * -> stdout"));
    assert!(!may("extension -> drop; * -> stdout"));
    assert!(!may("platform.*, function -> stdout; * -> kinesis"));
}

#[test]
fn nobody_looks_for_levels_where_no_rule_can_ask() {
    let needs = |routes: &str, name: &str| {
        let routes = Routes::parse(routes, &SINKS).unwrap();
        routes.plan(&Kind::from_name(name)).0.needs_level
    };
    assert!(needs("function level>=warn -> stdout", "function"));
    assert!(!needs("function level>=warn -> stdout", "extension"));
    assert!(!needs("function -> stdout; * level>=warn -> stdout", "function"));
    assert!(needs(
        "function sample=1% -> stdout; * level>=warn -> stdout",
        "function"
    ));
}

#[test]
fn tables_in_two_parts_are_rules_too() {
    let tables = |condition: &str, targets: &[&str]| {
        let targets = targets.iter().map(|&target| target.to_owned()).collect();
        let parsed = Routes::parse_tables(&[(condition.to_owned(), targets)], &SINKS);
        parsed
            .map(|routes| routes.to_string())
            .map_err(|errors| errors[0].to_string())
    };
    assert_eq!(
        tables(" function level>=WARNING ", &["kinesis", "stdout"]).unwrap(),
        "function level>=warn -> kinesis, stdout"
    );
    assert_eq!(tables("platform.*", &["drop"]).unwrap(), "platform.* -> drop");
    assert!(
        tables("function -> kinesis", &["stdout"])
            .unwrap_err()
            .contains("`match` holds")
    );
    assert!(
        tables("function; extension", &["stdout"])
            .unwrap_err()
            .contains("`match` holds")
    );
    assert!(tables("function", &[]).unwrap_err().contains("a target is missing"));
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9.:-]{1,6}",
        "[ a-z;,\"\\\\/#=<>~!\n-]{0,8}",
        any::<String>(),
        "-?[0-9]{1,3}(\\.[0-9]{1,2})?",
    ]
}

fn any_predicate() -> impl Strategy<Value = Predicate> {
    let level = prop::sample::select(vec![
        Level::Trace,
        Level::Debug,
        Level::Info,
        Level::Warn,
        Level::Error,
        Level::Fatal,
    ]);
    let share = (1_u32..=1_000_000).prop_map(|share| format!("{}.{:04}%", share / 10_000, share % 10_000));
    let value = prop_oneof![
        any_text().prop_map(Value::Text),
        "-?[0-9]{1,20}(\\.[0-9]{1,3})?".prop_map(|number| Value::unquoted(&number)),
    ];
    let field = prop::collection::vec(any_text(), 1..4).prop_map(Field::new);
    let operator = prop::sample::select(Operator::ALL.to_vec());
    let keep = prop_oneof![
        Just(Keep::Failed),
        (0_u64..900_000).prop_map(|ms| Keep::SlowerThan(std::time::Duration::from_millis(ms)))
    ];
    prop_oneof![
        level.prop_map(Predicate::LevelAtLeast),
        share.prop_map(|share| Predicate::Sample(Share::parse(&share).unwrap())),
        (field, operator, value)
            .prop_map(|(field, operator, value)| Predicate::Field(field, Comparison::new(operator, value))),
        keep.prop_map(Predicate::Keep),
        any_pattern(),
    ]
}

#[cfg(feature = "regex")]
fn any_pattern() -> impl Strategy<Value = Predicate> {
    "[a-z ;,\"/#>-]{0,6}(\\\\[d/w\\\\])?[a-z;]{0,3}".prop_map(|source| {
        let source = crate::route::pattern::unescape_slashes(&source);
        Predicate::Text(crate::route::pattern::Pattern::new(&source).unwrap())
    })
}

#[cfg(not(feature = "regex"))]
fn any_pattern() -> impl Strategy<Value = Predicate> {
    Just(Predicate::Keep(Keep::Failed))
}

fn any_rule() -> impl Strategy<Value = Rule> {
    let selector = prop_oneof![
        Just(Selector::Any),
        Just(Selector::Prefix("platform.".into())),
        prop::sample::select(KNOWN_TYPES.to_vec()).prop_map(|name| Selector::Exact(name.into())),
        "platform\\.[A-Z][a-z]{10}".prop_map(Selector::Exact),
    ];
    let targets = prop::sample::subsequence(vec![0, 1, 2], 0..=3).prop_shuffle();
    (
        prop::collection::vec(selector, 1..4),
        prop::collection::vec(any_predicate(), 0..4),
        targets,
    )
        .prop_map(|(selectors, predicates, targets)| Rule {
            selectors,
            predicates,
            targets,
        })
        .prop_filter("keep and drop", |rule| !(rule.targets.is_empty() && rule.waits()))
}

proptest! {
    #[test]
    fn what_is_written_is_what_is_read(rules in prop::collection::vec(any_rule(), 1..6)) {
        let routes = Routes::new(rules, &SINKS);
        let text = routes.to_string();
        let read = Routes::parse(&text, &SINKS);
        prop_assert_eq!(read.as_ref(), Ok(&routes), "{}", text);
    }

    #[test]
    fn any_text_is_a_table_or_is_refused_with_a_reason(text in "[a-z*.,;> =~/\"#\\\\\n%-]{0,60}") {
        match Routes::parse(&text, &SINKS) {
            Ok(routes) => prop_assert_eq!(Routes::parse(&routes.to_string(), &SINKS), Ok(routes)),
            Err(errors) => prop_assert!(!errors.is_empty()),
        }
    }

    #[test]
    fn any_predicates_are_read_or_refused(text in "(level|sample|text|record\\.a|keep|x)?[>=<!~ ]{0,2}[a-z0-9/\"%\\\\. ]{0,10}") {
        let rule = format!("function {text} -> kinesis");
        if let Ok(routes) = Routes::parse(&rule, &SINKS) {
            prop_assert_eq!(Routes::parse(&routes.to_string(), &SINKS), Ok(routes));
        }
    }
}
