use super::*;

#[test]
fn a_record_names_its_origin_in_both_files() {
    let mut record = Record::new("amqp", &["bergen-amqp", "lapin"]);
    record.version("RabbitMQ", "3.10.8");
    record.figures("series", [1, 2]).unwrap();
    record.text("| a |\n");
    let json = record.json();
    assert_eq!(json["versions"]["bergen-amqp"], "0.1.0");
    assert_eq!(json["series"], json!([1, 2]));
    let markdown = record.markdown();
    for expected in ["RabbitMQ 3.10.8", "Commit `", "| a |", "rustc "] {
        assert!(
            markdown.contains(expected),
            "{expected} is not in {markdown}"
        );
    }
    assert!(
        !record.date.contains('?') && record.date.ends_with('Z'),
        "{}",
        record.date
    );
}
