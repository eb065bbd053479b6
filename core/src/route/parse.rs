//! The grammar of `FORWARDER_ROUTES`.

use std::fmt;

use super::rule::{DROP, Rule, Selector};
use super::{MAX_WAITING_RULES, lex, predicate};
use crate::route::nearest::nearest;
use crate::telemetry::event::{INVOCATION, KNOWN_TYPES};

/// Shape of a rule, for error messages.
const SHAPE: &str = "a rule is `selector[, selector] [predicate…] -> sink[, sink]`";

/// A mistake in a route table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteError {
    /// Which rule, from 1.
    pub rule: usize,
    /// The rule's own text.
    pub text: String,
    /// The mistake, and how to fix it.
    pub message: String,
}

impl fmt::Display for RouteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rule {} `{}`: {}", self.rule, self.text, self.message)
    }
}

/// Parses the rules of one text.
pub(super) fn rules(text: &str, sinks: &[&str]) -> Result<Vec<Rule>, Vec<RouteError>> {
    let texts = lex::rules(text).into_iter();
    collect_rules(texts.map(|text| {
        (text.to_owned(), |problems: &mut Vec<String>| {
            parse_rule(text, sinks, problems)
        })
    }))
}

/// Parses rules that come as a condition and its targets.
pub(super) fn tables(tables: &[(String, Vec<String>)], sinks: &[&str]) -> Result<Vec<Rule>, Vec<RouteError>> {
    collect_rules(tables.iter().map(|(condition, targets)| {
        let text = format!("{} -> {}", condition.trim(), targets.join(", "));
        let parse = |problems: &mut Vec<String>| {
            if lex::rules(condition).len() > 1 || lex::split_arrow(condition).is_some() {
                problems.push("`match` holds the selectors and predicates of one rule, without `->` and `;`".into());
                return None;
            }
            let targets = targets.iter().map(|target| target.trim());
            Some(parse_parts(condition, targets, sinks, problems))
        };
        (text, parse)
    }))
}

fn collect_rules<P>(rules: impl Iterator<Item = (String, P)>) -> Result<Vec<Rule>, Vec<RouteError>>
where
    P: FnOnce(&mut Vec<String>) -> Option<Rule>,
{
    let (mut parsed, mut errors) = (Vec::new(), Vec::new());
    for (index, (text, parse)) in rules.enumerate() {
        let mut problems = Vec::new();
        parsed.extend(parse(&mut problems));
        errors.extend(problems.into_iter().map(|message| RouteError {
            rule: index + 1,
            text: text.clone(),
            message,
        }));
    }
    let waiting = parsed.iter().filter(|rule| rule.waits()).count();
    if waiting > MAX_WAITING_RULES {
        errors.push(RouteError {
            rule: parsed.len(),
            text: String::new(),
            message: format!("{waiting} rules have `keep`; there may be {MAX_WAITING_RULES}"),
        });
    }
    if errors.is_empty() && parsed.is_empty() {
        errors.push(RouteError {
            rule: 1,
            text: String::new(),
            message: format!("there is no rule; {SHAPE}, for example `* -> kinesis`"),
        });
    }
    if errors.is_empty() { Ok(parsed) } else { Err(errors) }
}

fn parse_rule(text: &str, sinks: &[&str], problems: &mut Vec<String>) -> Option<Rule> {
    let Some((left, targets)) = lex::split_arrow(text) else {
        problems.push(format!("there is no `->`; {SHAPE}"));
        return None;
    };
    Some(parse_parts(left, targets.split(',').map(str::trim), sinks, problems))
}

fn parse_parts<'a>(
    condition: &str,
    targets: impl Iterator<Item = &'a str>,
    sinks: &[&str],
    problems: &mut Vec<String>,
) -> Rule {
    let (selectors, predicates) = lex::split_selectors(condition.trim());
    let rule = Rule {
        selectors: selectors
            .split(',')
            .filter_map(|selector| collect(parse_selector(selector.trim()), problems))
            .collect(),
        predicates: predicate::parse_all(predicates, problems),
        targets: parse_targets(targets, sinks, problems),
    };
    if problems.is_empty() && rule.targets.is_empty() && rule.waits() {
        problems.push(
            "what `keep` waits for cannot go to `drop`: it is dropped in any case; name a sink, or leave `keep` out"
                .into(),
        );
    }
    rule
}

fn collect<T>(result: Result<T, String>, problems: &mut Vec<String>) -> Option<T> {
    result.map_err(|problem| problems.push(problem)).ok()
}

fn parse_selector(text: &str) -> Result<Selector, String> {
    let is_name =
        |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    match text {
        "" => return Err("a selector is missing; write `*` for every event".into()),
        "*" => return Ok(Selector::Any),
        "platform" => return Err("unknown selector `platform`; did you mean `platform.*`?".into()),
        _ => {}
    }
    if let Some(prefix) = text
        .strip_suffix('*')
        .filter(|prefix| !prefix.starts_with("forwarder."))
    {
        return if prefix == "platform." {
            Ok(Selector::Prefix(prefix.to_owned()))
        } else {
            Err(format!(
                "unknown selector `{text}`; with a star there are `*` and `platform.*`"
            ))
        };
    }
    if KNOWN_TYPES.contains(&text) || text == INVOCATION {
        return Ok(Selector::Exact(text.to_owned()));
    }
    if text.starts_with("forwarder.") {
        return Err(format!(
            "unknown selector `{text}`; of the forwarder's own events rules route `{INVOCATION}` only"
        ));
    }
    if let Some(known) = nearest(text, KNOWN_TYPES) {
        return Err(format!("unknown selector `{text}`; did you mean `{known}`?"));
    }
    // Lambda adds types; one that is not like any known one may be such.
    match text.split_once('.') {
        Some(("platform", name)) if is_name(name) => Ok(Selector::Exact(text.to_owned())),
        _ => Err(format!(
            "unknown selector `{text}`; allowed are `*`, `platform.*`, {}",
            KNOWN_TYPES.map(|name| format!("`{name}`")).join(", ")
        )),
    }
}

fn parse_targets<'a>(names: impl Iterator<Item = &'a str>, sinks: &[&str], problems: &mut Vec<String>) -> Vec<usize> {
    let names: Vec<_> = names.collect();
    if names == [DROP] {
        return Vec::new();
    }
    if names.is_empty() {
        problems.push("a target is missing; write a sink's name or `drop`".into());
    }
    let mut targets = Vec::new();
    for name in names {
        match sinks.iter().position(|sink| *sink == name) {
            Some(sink) if !targets.contains(&sink) => targets.push(sink),
            Some(_) => problems.push(format!("the sink `{name}` is named twice")),
            None if name == DROP => problems.push("`drop` goes alone or not at all".into()),
            None if name.is_empty() => {
                problems.push("a target is missing after `->`; write a sink's name or `drop`".into())
            }
            None => {
                let known = sinks.iter().copied().chain([DROP]);
                let hint =
                    nearest(name, known.clone()).map_or(String::new(), |near| format!("; did you mean `{near}`?"));
                let known: Vec<_> = known.collect();
                problems.push(format!(
                    "unknown sink `{name}`{hint} (configured: {})",
                    known.join(", ")
                ));
            }
        }
    }
    targets
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::{Level, Predicate};

    const SINKS: [&str; 2] = ["kinesis", "stdout"];

    fn errors(text: &str) -> Vec<String> {
        rules(text, &SINKS)
            .unwrap_err()
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn rules_are_parted_by_semicolons_and_line_breaks_and_comments_do_not_count() {
        let text = "# all; \"of this\nfunction->kinesis;;\n  # and this -> x\n * -> drop ;";
        let rules = rules(text, &SINKS).unwrap();
        assert_eq!(rules.len(), 2);
        assert_eq!(rules[0].selectors, [Selector::Exact("function".into())]);
        assert_eq!(rules[0].targets, [0]);
        assert_eq!(rules[1].selectors, [Selector::Any]);
        assert!(rules[1].targets.is_empty());
    }

    #[test]
    fn blanks_do_not_matter_where_they_part_nothing() {
        let rules = rules(
            "function ,extension,  platform.*   level>=WARN->stdout ,kinesis",
            &SINKS,
        )
        .unwrap();
        assert_eq!(rules[0].selectors.len(), 3);
        assert_eq!(rules[0].predicates, [Predicate::LevelAtLeast(Level::Warn)]);
        assert_eq!(rules[0].targets, [1, 0]);
    }

    #[test]
    fn types_that_nobody_knows_yet_may_be_selected() {
        let rules = rules("platform.somethingQuiteNew -> kinesis", &SINKS).unwrap();
        assert_eq!(
            rules[0].selectors,
            [Selector::Exact("platform.somethingQuiteNew".into())]
        );
    }

    #[test]
    fn each_mistake_is_named_with_its_mend() {
        for (text, message) in [
            ("function kinesis", "there is no `->`"),
            ("functoin -> kinesis", "did you mean `function`?"),
            ("platform.reprot -> kinesis", "did you mean `platform.report`?"),
            ("platform -> kinesis", "did you mean `platform.*`?"),
            ("forwarder.report -> kinesis", "unknown selector"),
            ("func* -> kinesis", "with a star there are"),
            (" -> kinesis", "a selector is missing"),
            ("function, -> kinesis", "a selector is missing"),
            ("function -> ", "a target is missing"),
            ("function -> kinesys", "did you mean `kinesis`?"),
            ("function -> kinesis, kinesis", "is named twice"),
            ("function -> drop, kinesis", "`drop` goes alone"),
            ("function level>=wran -> kinesis", "did you mean `warn`?"),
            ("function level=warn -> kinesis", "compare with `>=` only"),
            ("function levle>=warn -> kinesis", "did you mean `level`?"),
            ("function level -> kinesis", "unknown predicate `level`"),
            ("function level>= -> kinesis", "a value is missing"),
            ("function 5 -> kinesis", "unknown predicate `5`; there are"),
            ("function sample=10 -> kinesis", "`10` is no share"),
            ("function sample=0% -> kinesis", "`0%` is no share"),
            ("function sample>10% -> kinesis", "write `sample=10%`"),
            ("function text=x -> kinesis", "texts are matched as in"),
            ("function text~x -> kinesis", "texts are matched as in"),
            ("function text~\"x\" -> kinesis", "texts are matched as in"),
            ("function text~/x -> kinesis", "the `/` before `x` is never closed"),
            ("function text~/x/i -> kinesis", "flags go inside"),
            ("function record=5 -> kinesis", "unknown predicate `record=5`"),
            ("function record.=5 -> kinesis", "is no path"),
            ("function record.a..b=5 -> kinesis", "is no path"),
            ("function record.a[0]=5 -> kinesis", "is no path"),
            ("function record.\"a\"b=5 -> kinesis", "after a quoted name"),
            ("function record.a~/x/ -> kinesis", "members compare with"),
            (
                "function record.a=\"x -> kinesis",
                "the `\"` before `x` is never closed",
            ),
            ("function record.a=x\"y -> kinesis", "has a quote inside"),
            ("function record.a=\"x\"y -> kinesis", "`y` follows the closing"),
            ("function keep=all -> kinesis", "unknown `keep=all`"),
            ("function keep=slow>fast -> kinesis", "is no duration"),
            ("function keep>failed -> kinesis", "write `keep=failed`"),
            ("function keep=failed -> drop", "cannot go to `drop`"),
            ("", "there is no rule"),
        ] {
            let errors = errors(text);
            assert!(
                errors.len() == 1 && errors[0].contains(message),
                "{text:?}: {errors:#?}"
            );
        }
    }

    #[test]
    fn all_mistakes_are_told_at_once() {
        let errors = errors("functoin level>=wran -> kinesys; * -> kinesis; bad");
        assert_eq!(errors.len(), 4, "{errors:#?}");
        assert!(errors[0].starts_with("rule 1 `functoin level>=wran -> kinesys`:"));
        assert!(errors[3].starts_with("rule 3 `bad`:"));
    }
}
