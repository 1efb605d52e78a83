//! What is counted, each section for itself.

use std::future::Future;

use bergen_bench::BenchError;

use crate::{codec, turns};

/// One row of the table.
pub(crate) struct Section {
    /// Its name on the command line and in the files.
    pub(crate) name: &'static str,
    /// What one of it is.
    pub(crate) what: &'static str,
    /// How many are counted.
    pub(crate) count: usize,
    run: fn(usize) -> Result<(), BenchError>,
}

/// All of them.
pub(crate) const SECTIONS: [Section; 10] = [
    Section {
        name: "encode-request",
        what: "arguments → JSON → envelope → frames",
        count: 1024,
        run: codec::encode_request,
    },
    Section {
        name: "decode-request",
        what: "frames → delivery → request",
        count: 1024,
        run: codec::decode_request,
    },
    Section {
        name: "encode-reply",
        what: "result → JSON → envelope → frames",
        count: 1024,
        run: codec::encode_reply,
    },
    Section {
        name: "decode-reply",
        what: "frames → delivery → reply → result",
        count: 1024,
        run: codec::decode_reply,
    },
    Section {
        name: "client-turn-1",
        what: "a call of the client, 1 in flight",
        count: 512,
        run: |count| turns::client(count, 1),
    },
    Section {
        name: "client-turn-64",
        what: "a call of the client, 64 in flight",
        count: 1024,
        run: |count| turns::client(count, 64),
    },
    Section {
        name: "server-turn-1",
        what: "a call at the server, 1 in flight",
        count: 512,
        run: |count| turns::server(count, 1),
    },
    Section {
        name: "server-turn-64",
        what: "a call at the server, 64 in flight",
        count: 1024,
        run: |count| turns::server(count, 64),
    },
    Section {
        name: "cast-1",
        what: "a confirmed cast of the client, 1 in flight",
        count: 512,
        run: |count| turns::casts(count, 1),
    },
    Section {
        name: "cast-64",
        what: "a confirmed cast of the client, 64 in flight",
        count: 1024,
        run: |count| turns::casts(count, 64),
    },
];

/// A part of the program, as the table divides a section's instructions.
pub(crate) struct Part {
    pub(crate) name: &'static str,
    /// What the names of its functions contain.
    pub(crate) marks: &'static [&'static str],
}

/// The parts; what none of them claims is of the last.
pub(crate) const PARTS: [Part; 8] = [
    Part {
        name: "JSON",
        marks: &["bergen_messaging::wire", "serde"],
    },
    Part {
        name: "driver",
        marks: &["bergen_messaging::driver"],
    },
    Part {
        name: "RPC",
        marks: &["bergen_messaging", "bergen_bench", "bench_instructions"],
    },
    Part {
        name: "AMQP",
        marks: &["bergen_amqp"],
    },
    Part {
        name: "tokio",
        marks: &["tokio", "mio::"],
    },
    Part {
        name: "allocator",
        marks: &[
            "malloc", "calloc", "realloc", "memalign", "free", "_chunk", "_int_",
        ],
    },
    Part {
        name: "copies",
        marks: &["memcpy", "memmove", "memset", "memcmp"],
    },
    Part {
        name: "rest",
        marks: &[],
    },
];

/// Runs one section: the program under valgrind.
pub(crate) fn run(name: &str, count: usize) -> Result<(), BenchError> {
    let section = SECTIONS.iter().find(|section| section.name == name);
    let section =
        section.ok_or_else(|| BenchError::Usage(format!("there is no section {name}")))?;
    (section.run)(count)
}

/// The only place in which instructions count. Its name is what valgrind is told, so it must be no
/// generic function and must not be inlined.
#[inline(never)]
pub(crate) fn measured_part(work: &mut dyn FnMut()) {
    work();
    // Else the call above is the last thing to do, and may become a jump that valgrind sees no return of.
    std::hint::black_box(());
}

/// The same for a future; the first error counts.
pub(crate) fn measured_future<F: Future<Output = Result<(), BenchError>>>(
    runtime: &tokio::runtime::Runtime,
    future: F,
) -> Result<(), BenchError> {
    let mut future = Some(future);
    let mut outcome = Ok(());
    measured_part(&mut || {
        if let Some(future) = future.take() {
            outcome = runtime.block_on(future);
        }
    });
    outcome
}
