//! The first steps: what is asked for, and where an earlier reader stopped.

use std::io::{self, IsTerminal as _};
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use reader::checkpoint::CheckpointFile;
use reader::files::Files;
use reader::proof::{Memory, Totals};
use reader::screen::Screen;
use reader::show::{Output, Show};
use reader::stream::{FanOut, Pace, Reader, Start};
use reader::unpack::Unpacker;
use tokio::time::Instant;

use crate::arguments::{Arguments, Input};
use crate::consumer::Consumer;
use crate::mcp::{Assistant, BEFORE};
use crate::otlp::Otlp;
use crate::pace::{Notices, Rate};
use crate::page::Page;
use crate::run::Failure;
use crate::source::Source;

impl<'a> Consumer<'a> {
    pub(crate) async fn begin(arguments: Arguments, screen: &'a mut Screen) -> Result<Self, Failure> {
        if let Some(colours) = arguments.colours {
            screen.set_colours(colours);
        }
        let output = match (arguments.quiet, arguments.json) {
            // Standard output is the assistant's.
            _ if arguments.mcp => Output::Nothing,
            (true, _) => Output::Nothing,
            // The page shows them, or the receiver has them.
            (false, false) if arguments.web.is_some() || arguments.otlp.is_some() => Output::Nothing,
            (false, true) => Output::Json {
                on_a_terminal: io::stdout().is_terminal(),
            },
            (false, false) if arguments.invocations => Output::Rows {
                colours: screen.colours(),
            },
            (false, false) => Output::Lines {
                colours: screen.colours(),
            },
        };
        let colours = arguments.colours.unwrap_or(screen.colours() && screen.is_watched());
        let name = arguments.input.name();
        let file = arguments.checkpoint.map(|path| CheckpointFile::new(path, &name));
        let kept = file.as_ref().map(CheckpointFile::read).transpose()?.flatten();
        let start = arguments
            .start
            .unwrap_or_else(|| match SystemTime::now().checked_sub(BEFORE) {
                Some(before) if arguments.mcp => Start::At(before),
                _ => Start::Latest,
            });
        let mut show = Show::new(output, arguments.filter);
        let page = match arguments.web {
            Some(address) => Some(Page::serve(address, &mut show, screen).await?),
            None => None,
        };
        let assistant = arguments.mcp.then(|| Assistant::begin(&mut show));
        let mut otlp = arguments.otlp.map(|endpoint| Otlp::new(endpoint, &mut show));
        let mut unpacker = Unpacker::default();
        let mut from_the_beginning = start.is_the_beginning();
        match (&arguments.input, start) {
            // What files begin with shows when they are read.
            (Input::Files(_), _) => {}
            (_, Start::TrimHorizon) => unpacker.begin_at_the_horizon(SystemTime::now()),
            (_, Start::Latest) => unpacker.begin_in_the_middle(SystemTime::now()),
            (_, Start::At(time)) => unpacker.begin_in_the_middle(time),
        }
        let mut forgotten = Totals::default();
        let mut shards = Default::default();
        if let Some(kept) = kept {
            if arguments.start.is_some() {
                screen.say("going on from the checkpoint; --from does not count");
            }
            from_the_beginning = kept.from_the_beginning;
            forgotten = kept.forgotten;
            shards = kept.shards;
            unpacker = kept.seen;
            unpacker.wait_for_the_rest_of(kept.parts);
            match &mut otlp {
                Some(otlp) => otlp.take_up(kept.unsent),
                // Nobody has them yet.
                None => show.take(kept.unsent.into_iter().map(|line| line.event), Instant::now()),
            }
            show.take(kept.waiting, Instant::now());
        }
        let retention = Arc::new(OnceLock::new());
        let source = match arguments.input {
            Input::Files(paths) => Source::Files {
                files: Files::open(paths)?,
                are_over: false,
            },
            Input::Stream(stream) => {
                let client = reader::aws::client(&arguments.access).await;
                let fan_out = arguments.fan_out.map(|name| {
                    let is_temporary = arguments.fan_out_is_temporary;
                    FanOut::new(client.clone(), stream.clone(), name, is_temporary)
                });
                let mut reader = Reader::resume(client, stream, start, shards, Pace::default());
                if let Some(fan_out) = &fan_out {
                    reader = reader.through(fan_out.clone());
                }
                tokio::spawn({
                    let (known, asked) = (retention.clone(), reader.retention());
                    async move { asked.await.map(|retention| known.set(retention)) }
                });
                Source::Stream(Box::new(reader), fan_out)
            }
        };
        Ok(Self {
            source,
            retention,
            notices: Notices::default(),
            page,
            otlp,
            assistant,
            wants_rows: arguments.invocations && !arguments.quiet,
            lines_before: unpacker.counts().lines,
            screen,
            name,
            unpacker,
            show,
            file,
            from_the_beginning,
            has_begun: false,
            unopened: 0,
            memory: Memory::default(),
            forgotten,
            began: Instant::now(),
            rate: Rate::default(),
            troubled: None,
            colours,
            is_dirty: false,
        })
    }
}
