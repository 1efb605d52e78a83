use std::process::{Command, Output, Stdio};

/// Runs a benchmark to its end; what it prints.
fn run(program: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(program);
    let Output {
        status,
        stdout,
        stderr,
    } = command
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("the program should start");
    let (stdout, stderr) = [stdout, stderr]
        .map(|text| String::from_utf8_lossy(&text).into_owned())
        .into();
    assert!(status.success(), "{status}\n{stdout}\n{stderr}");
    stdout
}

/// The rows of the tables that begin with these cells.
fn rows<'a>(output: &'a str, first: &'a str) -> Vec<Vec<&'a str>> {
    let cells = |line: &'a str| line.split('|').map(str::trim).skip(1).collect::<Vec<_>>();
    let lines = output.lines().filter(|line| line.starts_with("| "));
    lines
        .map(cells)
        .filter(|row| row.first() == Some(&first))
        .collect()
}

/// Whether the cell has a figure above zero.
fn is_figure(cell: &str) -> bool {
    let digits = cell.replace([' ', '×'], "");
    digits.parse::<f64>().is_ok_and(|figure| figure > 0.0)
}

const TINY: [&str; 7] = [
    "--no-write",
    "--seconds",
    "0.3",
    "--warm-up",
    "0.1",
    "--in-flight",
    "2",
];

#[test]
fn amqp() {
    let program = env!("CARGO_BIN_EXE_bench-amqp");
    let output = run(program, &[&TINY[..], &["--rounds", "1"]].concat());
    for client in ["bergen-amqp", "lapin", "amqprs", "bunny-rs", "amqp-client"] {
        let rows = rows(&output, client);
        assert_eq!(rows.len(), 1, "{client}\n{output}");
        assert!(is_figure(rows[0][1]), "{client}\n{output}");
    }
}

#[test]
fn rpc() {
    let program = env!("CARGO_BIN_EXE_bench-rpc");
    let rates = ["--rounds", "1", "--rates", "20"];
    let output = run(program, &[&TINY[..], &rates].concat());
    // Calls in the closed loop and at a fixed rate, and casts to our server.
    for (pair, tables) in [
        ("bergen-bergen", 3),
        ("bergen-python", 2),
        ("python-bergen", 3),
        ("python-python", 2),
    ] {
        let rows = rows(&output, pair);
        assert_eq!(rows.len(), tables, "{pair}\n{output}");
        assert!(rows.iter().all(|row| is_figure(row[1])), "{pair}\n{output}");
    }
    let batching = rows(&output, "calls, 2 in flight");
    assert!(is_figure(batching[0][1]), "{output}");
    assert!(is_figure(batching[0][4]), "{output}");
    let memory = rows(&output, "memory of an idle server");
    assert!(is_figure(memory[0][3]), "{output}");
}

#[test]
fn notify() {
    let program = env!("CARGO_BIN_EXE_bench-notify");
    let output = run(program, &[&TINY[..], &["--rounds", "1"]].concat());
    // Published with two in flight, handled one by one and in batches.
    for peer in ["bergen", "python"] {
        let rows = rows(&output, peer);
        assert_eq!(rows.len(), 3, "{peer}\n{output}");
        assert!(rows.iter().all(|row| is_figure(row[1])), "{peer}\n{output}");
    }
    let budget = rows(&output, "events handled/s in batches, to Python's");
    assert!(is_figure(budget[0][3]), "{output}");
}

#[test]
fn scale() {
    let program = env!("CARGO_BIN_EXE_bench-scale");
    let small = ["--servers", "1,3", "--bytes", "100,100000"];
    let output = run(program, &[&TINY[..], &small].concat());
    // How many servers, receivers, bytes, calls in flight; and how many rows that makes.
    for (x, count) in [("1", 4), ("3", 4), ("100", 2), ("100000", 2), ("2", 2)] {
        let rows = rows(&output, x);
        assert_eq!(rows.len(), count, "{x}\n{output}");
        for row in rows {
            assert!(is_figure(row[2]), "{row:?}\n{output}");
        }
    }
}

/// The counting itself needs valgrind, which is no part of the tests; what is counted runs without.
#[test]
fn instructions() {
    let program = env!("CARGO_BIN_EXE_bench-instructions");
    for section in [
        "encode-request",
        "decode-request",
        "encode-reply",
        "decode-reply",
        "client-turn-1",
        "client-turn-64",
        "server-turn-1",
        "server-turn-64",
        "cast-1",
        "cast-64",
    ] {
        run(program, &["worker", section, "128"]);
    }
}

#[test]
fn a_worker_that_fails_fails_the_benchmark() {
    let program = env!("CARGO_BIN_EXE_bench-instructions");
    let output = Command::new(program)
        .args(["worker", "no-such-section", "1"])
        .output();
    let output = output.expect("the program should start");
    assert!(!output.status.success());
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(words.contains("no-such-section"), "{words}");
}
