//! `thumbmill`: the api and a worker in one process, on embedded parts unless told otherwise; and
//! the operators' commands.

use std::process::ExitCode;
use std::time::Duration;

use thumbmill_shared::settings::{self, Program};
use thumbmill_shared::shutdown::{self, Ending};

mod campaigns;
mod dead_letters;
mod pregenerate;
mod report;
mod serve;
mod sign;
mod terminal;
mod tokens;
mod variants;

const ABOUT: &str = "Everything in one process: serves originals and thumbnails over HTTP, and renders what is \
                     missing. A command does something else.";

fn main() -> ExitCode {
    if let Some(code) = thumbmill_worker::isolation::serve_if_asked() {
        return code;
    }
    let program = Program::Everything;
    let command = settings::command(program, ABOUT).subcommands([
        pregenerate::command(),
        campaigns::command(),
        variants::command(),
        dead_letters::command(),
        tokens::command(),
        sign::command(),
    ]);
    let (settings, matches) = settings::parse_or_exit(program, command);
    let serves = matches.subcommand().is_none();
    let ending = Ending {
        delay: if serves {
            settings.drain_delay
        } else {
            Duration::ZERO
        },
        grace: settings.grace,
    };
    shutdown::run_to_end(ending, |shutdown| async move {
        match matches.subcommand() {
            Some((dead_letters::NAME, matches)) => {
                dead_letters::run(&settings, matches, &shutdown).await
            }
            Some((pregenerate::NAME, matches)) => {
                pregenerate::run(settings, matches, &shutdown).await
            }
            Some((campaigns::NAME, matches)) => campaigns::run(&settings, matches, &shutdown).await,
            Some((variants::NAME, matches)) => variants::run(&settings, matches, &shutdown).await,
            Some((tokens::NAME, matches)) => terminal::told(tokens::run(&settings, matches)),
            Some((sign::NAME, matches)) => terminal::told(sign::run(&settings, matches)),
            _ => serve::run(settings, shutdown).await,
        }
    })
}
