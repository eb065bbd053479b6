//! The grammar of `FORWARDER_ROUTES`.

use std::fmt;

use super::{DROP, LEVEL_NAMES, Level, Predicate, Rule, Selector};
use crate::event::KNOWN_TYPES;
use crate::nearest::nearest;

/// What a rule may look like, for error messages.
const SHAPE: &str = "a rule is `selector[, selector] [predicate…] -> sink[, sink]`";

/// A mistake in a route table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteError {
    /// Which rule, from 1.
    pub rule: usize,
    /// The rule's own text.
    pub text: String,
    /// What is wrong, and how to mend it.
    pub message: String,
}

impl fmt::Display for RouteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rule {} `{}`: {}", self.rule, self.text, self.message)
    }
}

pub(super) fn rules(text: &str, sinks: &[&str]) -> Result<Vec<Rule>, Vec<RouteError>> {
    let (mut rules, mut errors) = (Vec::new(), Vec::new());
    for (index, text) in split_rules(text).into_iter().enumerate() {
        let mut problems = Vec::new();
        let rule = parse_rule(text, sinks, &mut problems);
        errors.extend(problems.into_iter().map(|message| RouteError {
            rule: index + 1,
            text: text.to_owned(),
            message,
        }));
        rules.extend(rule);
    }
    if errors.is_empty() && rules.is_empty() {
        errors.push(RouteError {
            rule: 1,
            text: String::new(),
            message: format!("there is no rule; {SHAPE}, for example `* -> kinesis`"),
        });
    }
    if errors.is_empty() { Ok(rules) } else { Err(errors) }
}

/// Where characters stand: outside, inside a `"string"`, or inside a `/regex/`.
#[derive(Clone, Copy, PartialEq)]
enum Quote {
    None,
    String,
    Regex,
}

/// Splits at `is_separator` outside of quotes; pieces keep their quotes. A `\` inside quotes takes away the meaning of
/// the character after it.
fn split_outside_quotes(text: &str, is_separator: impl Fn(char) -> bool) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut start, mut quote, mut escaped, mut before) = (0, Quote::None, false, ' ');
    for (at, char) in text.char_indices() {
        match (quote, char) {
            _ if escaped => escaped = false,
            (Quote::String | Quote::Regex, '\\') => escaped = true,
            (Quote::None, '"') => quote = Quote::String,
            (Quote::None, '/') if before == '~' => quote = Quote::Regex,
            (Quote::String, '"') | (Quote::Regex, '/') => quote = Quote::None,
            (Quote::None, char) if is_separator(char) => {
                pieces.push(text.get(start..at).unwrap_or_default());
                start = at + char.len_utf8();
            }
            _ => {}
        }
        before = char;
    }
    pieces.push(text.get(start..).unwrap_or_default());
    pieces
}

fn split_rules(text: &str) -> Vec<&str> {
    // Comments first: a quote in one must not swallow the next line.
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    let rules = lines.flat_map(|line| split_outside_quotes(line, |char| char == ';'));
    rules.map(str::trim).filter(|rule| !rule.is_empty()).collect()
}

fn parse_rule(text: &str, sinks: &[&str], problems: &mut Vec<String>) -> Option<Rule> {
    let Some((left, targets)) = split_arrow(text) else {
        problems.push(format!("there is no `->`; {SHAPE}"));
        return None;
    };
    let (selectors, predicates) = split_selectors(left);
    Some(Rule {
        selectors: selectors
            .split(',')
            .filter_map(|selector| collect(parse_selector(selector.trim()), problems))
            .collect(),
        predicates: split_outside_quotes(predicates, char::is_whitespace)
            .into_iter()
            .filter(|predicate| !predicate.is_empty())
            .filter_map(|predicate| collect(parse_predicate(predicate), problems))
            .collect(),
        targets: parse_targets(targets, sinks, problems),
    })
}

fn collect<T>(result: Result<T, String>, problems: &mut Vec<String>) -> Option<T> {
    result.map_err(|problem| problems.push(problem)).ok()
}

/// The two sides of the first `->` outside of quotes.
fn split_arrow(text: &str) -> Option<(&str, &str)> {
    let mut from = 0;
    for piece in split_outside_quotes(text, |char| char == '>') {
        let end = from + piece.len();
        if piece.ends_with('-') {
            return Some((text.get(..end - 1)?.trim(), text.get(end + 1..)?.trim()));
        }
        from = end + 1;
    }
    None
}

/// The selectors end at the first white space that does not stand beside a comma.
fn split_selectors(left: &str) -> (&str, &str) {
    let mut after_comma = true;
    for (at, char) in left.char_indices() {
        if char.is_whitespace() {
            let rest = left.get(at..).unwrap_or_default();
            if !after_comma && !rest.trim_start().starts_with(',') {
                return (left.get(..at).unwrap_or_default(), rest);
            }
        } else {
            after_comma = char == ',';
        }
    }
    (left, "")
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
    if let Some(prefix) = text.strip_suffix('*') {
        return if prefix == "platform." {
            Ok(Selector::Prefix(prefix.to_owned()))
        } else {
            Err(format!(
                "unknown selector `{text}`; with a star there are `*` and `platform.*`"
            ))
        };
    }
    if KNOWN_TYPES.contains(&text) {
        return Ok(Selector::Exact(text.to_owned()));
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

fn parse_predicate(text: &str) -> Result<Predicate, String> {
    if let Some(rest) = text.strip_prefix("level") {
        let Some(name) = rest.strip_prefix(">=") else {
            return Err(format!(
                "unknown predicate `{text}`; levels compare with `>=` only, as in `level>=warn`"
            ));
        };
        return Level::from_name(name).map(Predicate::LevelAtLeast).ok_or_else(|| {
            let hint = nearest(name, LEVEL_NAMES).map_or(String::new(), |near| format!("; did you mean `{near}`?"));
            format!("unknown level `{name}`{hint} (allowed: {})", LEVEL_NAMES.join(", "))
        });
    }
    for later in ["sample=", "text~", "record.", "keep="] {
        if text.starts_with(later) {
            return Err(format!(
                "the predicate `{text}` is not built into this version yet; there is `level>=…`"
            ));
        }
    }
    Err(format!(
        "unknown predicate `{text}`; there is `level>=…`, as in `level>=warn`"
    ))
}

fn parse_targets(text: &str, sinks: &[&str], problems: &mut Vec<String>) -> Vec<usize> {
    let names: Vec<_> = text.split(',').map(str::trim).collect();
    if names == [DROP] {
        return Vec::new();
    }
    let mut targets = Vec::new();
    for name in names {
        match sinks.iter().position(|sink| *sink == name) {
            Some(sink) if !targets.contains(&sink) => targets.push(sink),
            Some(_) => problems.push(format!("the sink `{name}` stands twice")),
            None if name == DROP => problems.push("`drop` stands alone or not at all".into()),
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
            ("function -> kinesis, kinesis", "stands twice"),
            ("function -> drop, kinesis", "`drop` stands alone"),
            ("function level>=wran -> kinesis", "did you mean `warn`?"),
            ("function level=warn -> kinesis", "compare with `>=` only"),
            ("function levle>=warn -> kinesis", "unknown predicate"),
            ("function sample=10% -> kinesis", "not built into this version"),
            ("function text~/a->b; c/ -> kinesis", "not built into this version"),
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
