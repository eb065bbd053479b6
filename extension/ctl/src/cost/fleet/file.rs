//! The file that says what a fleet writes: TOML, as the configuration is.

use forwarder_core::nearest;
use forwarder_core::telemetry::sample::{LINE_BYTES, SHORTEST_LINE};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

const DAY: f64 = 86_400.0;

/// Keys of a table `[[functions]]`.
const KEYS: [&str; 7] = [
    "name",
    "count",
    "invocations_per_second",
    "invocations_per_day",
    "peak",
    "lines",
    "line_bytes",
];

/// Lines of an invocation where nothing is said.
const LINES: f64 = 10.0;

/// Most lines of an invocation, and the longest line: an invocation fits into memory several times over. Bytes.
const MOST_LINES: f64 = 100_000.0;
const LONGEST_LINE: f64 = 262_144.0;

/// More functions than an account has, and invocations a second of one of them.
const MOST: f64 = 1e9;

/// Functions that write alike.
#[derive(Debug, Clone, PartialEq)]
pub struct Functions {
    /// What they are called.
    pub name: String,
    /// How many there are.
    pub count: f64,
    /// Invocations a second of each, in the mean.
    pub invocations: f64,
    /// Times the mean that their busiest minute has.
    pub peak: f64,
    /// Lines of an invocation.
    pub lines: usize,
    /// Length of a line as it is written. Bytes.
    pub line_bytes: usize,
}

/// Reads the text of such a file. `name`: that of the file, for messages.
///
/// # Errors
/// All mistakes, one a line: where, what, and what is allowed.
pub fn read(name: &str, text: &str) -> Result<Vec<Functions>, String> {
    let mut reader = Reader {
        name,
        text,
        mistakes: Vec::new(),
    };
    let functions = reader.file();
    match reader.mistakes.as_slice() {
        [] => Ok(functions),
        mistakes => Err(mistakes.join("\n")),
    }
}

struct Reader<'a> {
    name: &'a str,
    text: &'a str,
    mistakes: Vec<String>,
}

impl Reader<'_> {
    fn wrong(&mut self, offset: usize, message: &str) {
        let line = self.text.get(..offset).unwrap_or_default().matches('\n').count() + 1;
        self.mistakes.push(format!("{}:{line}: {message}", self.name));
    }

    fn file(&mut self) -> Vec<Functions> {
        let table = match DeTable::parse(self.text) {
            Ok(table) => table,
            Err(error) => {
                let offset = error.span().map_or(0, |span| span.start);
                self.wrong(offset, &format!("not TOML: {}", error.message()));
                return Vec::new();
            }
        };
        let mut all = Vec::new();
        let mut is_there = false;
        for (key, value) in table.get_ref() {
            let name: &str = key.get_ref();
            if name != "functions" {
                self.wrong(
                    key.span().start,
                    &format!("{name}: unknown; a fleet is tables [[functions]]"),
                );
                continue;
            }
            is_there = true;
            let DeValue::Array(tables) = value.get_ref() else {
                self.wrong(
                    key.span().start,
                    "functions: not tables; each begins with [[functions]]",
                );
                continue;
            };
            for (index, table) in tables.iter().enumerate() {
                let path = format!("functions[{index}]");
                match table.get_ref() {
                    DeValue::Table(table_of) => all.extend(self.functions(&path, table.span().start, table_of)),
                    _ => self.wrong(table.span().start, &format!("{path}: not a table")),
                }
            }
        }
        if all.is_empty() && self.mistakes.is_empty() {
            let message = if is_there {
                "functions: empty"
            } else {
                "there is no table [[functions]]"
            };
            self.wrong(0, message);
        }
        all
    }

    fn functions(&mut self, path: &str, offset: usize, table: &DeTable<'_>) -> Option<Functions> {
        let before = self.mistakes.len();
        for key in table.keys() {
            let name: &str = key.get_ref();
            if !KEYS.contains(&name) {
                let near = nearest(name, KEYS).map_or_else(String::new, |near| format!("; did you mean {near}?"));
                self.wrong(key.span().start, &format!("{path}.{name}: unknown{near}"));
            }
        }
        let name = match get(table, "name").map(|value| (value.span().start, value.get_ref())) {
            Some((_, DeValue::String(text))) if !text.trim().is_empty() => text.to_string(),
            Some((at, _)) => {
                self.wrong(at, &format!("{path}.name: not a text"));
                String::new()
            }
            None => {
                self.wrong(offset, &format!("{path}.name is missing"));
                String::new()
            }
        };
        let mut number = |key: &str, least: f64, most: f64| self.number(path, table, key, least, most);
        let count = number("count", 1.0, MOST);
        let second = number("invocations_per_second", 0.0, MOST);
        let day = number("invocations_per_day", 0.0, MOST * DAY);
        let peak = number("peak", 1.0, 1e6);
        let lines = number("lines", 0.0, MOST_LINES);
        let line_bytes = number("line_bytes", SHORTEST_LINE as f64, LONGEST_LINE);
        let is_set = |key| get(table, key).is_some();
        match (is_set("invocations_per_second"), is_set("invocations_per_day")) {
            (false, false) => self.wrong(
                offset,
                &format!("{path}: invocations_per_second or invocations_per_day is missing"),
            ),
            (true, true) => self.wrong(
                offset,
                &format!("{path}: invocations_per_second and invocations_per_day say the same; leave one out"),
            ),
            _ => {}
        }
        (self.mistakes.len() == before).then(|| Functions {
            name,
            count: count.unwrap_or(1.0),
            invocations: second.or(day.map(|day| day / DAY)).unwrap_or(0.0),
            peak: peak.unwrap_or(1.0),
            lines: lines.unwrap_or(LINES) as usize,
            line_bytes: line_bytes.map_or(LINE_BYTES, |bytes| bytes as usize),
        })
    }

    fn number(&mut self, path: &str, table: &DeTable<'_>, key: &str, least: f64, most: f64) -> Option<f64> {
        let value = get(table, key)?;
        let text = match value.get_ref() {
            DeValue::Integer(number) => number.to_string(),
            DeValue::Float(number) => number.to_string(),
            DeValue::String(text) => format!("\"{text}\""),
            _ => "this".to_owned(),
        };
        let number = text.replace('_', "").parse::<f64>().ok();
        let number = number.filter(|number| (least..=most).contains(number));
        if number.is_none() {
            let message = format!("{path}.{key} = {text}: not a number from {least} to {most}");
            self.wrong(value.span().start, &message);
        }
        number
    }
}

fn get<'a, 'b>(table: &'a DeTable<'b>, key: &str) -> Option<&'a Spanned<DeValue<'b>>> {
    let (_, value) = table.iter().find(|(name, _)| *name.get_ref() == key)?;
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_is_usual() {
        let read = |text: &str| read("fleet.toml", text).unwrap();
        let plain = read("[[functions]]\nname = \"a\"\ninvocations_per_day = 86_400\n");
        let expected = Functions {
            name: "a".into(),
            count: 1.0,
            invocations: 1.0,
            peak: 1.0,
            lines: 10,
            line_bytes: 200,
        };
        assert_eq!(plain, [expected]);
        let text = "[[functions]]\nname = \"b\"\ncount = 4\ninvocations_per_second = 0.5\npeak = 3.5\nlines = 0\nline_bytes = 1_000\n";
        let [b] = read(text).try_into().unwrap();
        assert_eq!(
            (b.count, b.invocations, b.peak, b.lines, b.line_bytes),
            (4.0, 0.5, 3.5, 0, 1_000)
        );
    }

    #[test]
    fn all_mistakes_are_told_with_their_places() {
        let head = "[[functions]]\nname = \"a\"\ninvocations_per_day = 1\n";
        for (text, expected) in [
            ("functions = [", &["fleet.toml:1: not TOML: "][..]),
            ("", &["fleet.toml:1: there is no table [[functions]]"]),
            ("functions = []", &["fleet.toml:1: functions: empty"]),
            ("\nfunctions = 3", &["fleet.toml:2: functions: not tables"]),
            ("functions = [3]", &["fleet.toml:1: functions[0]: not a table"]),
            (
                "envelope = \"lean\"",
                &["fleet.toml:1: envelope: unknown; a fleet is tables [[functions]]"],
            ),
            (
                "[[functions]]\n",
                &[
                    "fleet.toml:1: functions[0].name is missing",
                    "fleet.toml:1: functions[0]: invocations_per_second or invocations_per_day is missing",
                ],
            ),
            (
                &format!("{head}[[functions]]\nname = 3\ninvocations_per_second = 1\ninvocations_per_day = 1\n"),
                &["fleet.toml:5: functions[1].name: not a text", "leave one out"],
            ),
            (
                &format!("{head}line = 3\nlines = \"many\"\nline_bytes = 5\npeak = 0.5\ncount = true\n"),
                &[
                    "fleet.toml:4: functions[0].line: unknown; did you mean lines?",
                    "fleet.toml:8: functions[0].count = this: not a number from 1 to 1000000000",
                    "fleet.toml:7: functions[0].peak = 0.5: not a number from 1 to",
                    "fleet.toml:5: functions[0].lines = \"many\": not a number from 0 to 100000",
                    "fleet.toml:6: functions[0].line_bytes = 5: not a number from 10 to 262144",
                ],
            ),
            (
                &head.replace("= 1\n", "= nan\n"),
                &["fleet.toml:3: functions[0].invocations_per_day = nan: not a number"],
            ),
        ] {
            let mistakes = read("fleet.toml", text).unwrap_err();
            assert_eq!(mistakes.lines().count(), expected.len(), "{text}: {mistakes}");
            for part in expected {
                assert!(mistakes.contains(part), "{text}: {part}: {mistakes}");
            }
        }
    }
}
