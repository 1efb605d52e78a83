use std::fs;

use bergen_testbed::Tools;

use crate::Error;

pub(crate) mod apt;
pub(crate) mod python;
mod rabbitmq;

/// Lays the foreign programs down and writes where they are. What is there already stays, so a
/// second run does nothing and needs no network.
pub(crate) fn run() -> Result<Tools, Error> {
    let folder = Tools::folder();
    fs::create_dir_all(&folder).map_err(Error::file(&folder))?;
    let known = Tools::locate().ok();
    let rabbitmq = match rabbitmq::set_up(&folder, known.and_then(|tools| tools.rabbitmq)) {
        Ok(rabbitmq) => Some(rabbitmq),
        // Most tests can do with the broker that was named; those that stop theirs will say so.
        Err(error) if std::env::var_os("BERGEN_TEST_RABBIT_URL").is_some() => {
            println!(
                "setup: no RabbitMQ of our own, the tests use BERGEN_TEST_RABBIT_URL: {error}"
            );
            None
        }
        Err(error) => return Err(error),
    };
    let (python, simulator) = python::set_up(&folder)?;
    let tools = Tools {
        rabbitmq,
        python,
        simulator,
    };
    let list = Tools::list();
    let text =
        serde_json::to_string_pretty(&tools).map_err(|error| Error::Wrong(error.to_string()))?;
    fs::write(&list, text + "\n").map_err(Error::file(&list))?;
    Ok(tools)
}
