//! The methods of `bergen serve`.

use std::time::Duration;

use bergen::rpc::{Call, DynamicEndpoint, MethodError, Parameter};
use bergen::target::EndpointTarget;
use bergen::wire::{Failure, RawJson};
use serde_json::{Number, Value};

/// The endpoint; `introduction` is what `whoami` answers.
pub(super) fn endpoint(target: EndpointTarget, introduction: Value) -> DynamicEndpoint {
    DynamicEndpoint::new(target)
        .method("echo", |call| async move { echo(&call) })
        .method("add", |call| async move { add(&call) })
        .method("sleep", sleep)
        .method("fail", |call| async move { fail(&call) })
        .method("whoami", move |call: Call| {
            let introduction = introduction.clone();
            async move {
                call.bind("whoami", &[])?;
                Ok::<_, MethodError>(introduction)
            }
        })
}

fn echo(call: &Call) -> Result<RawJson, MethodError> {
    const PARAMETERS: &[Parameter] = &[Parameter::required("value")];
    let mut arguments = call.bind("echo", PARAMETERS)?;
    Ok(arguments.take_raw("value").unwrap_or_else(RawJson::null))
}

fn add(call: &Call) -> Result<Number, MethodError> {
    const PARAMETERS: &[Parameter] = &[Parameter::required("a"), Parameter::required("b")];
    let mut arguments = call.bind("add", PARAMETERS)?;
    let (a, b): (Number, Number) = (arguments.take("a")?, arguments.take("b")?);
    let sum = match (a.as_i128(), b.as_i128()) {
        (Some(a), Some(b)) => a.checked_add(b).and_then(Number::from_i128),
        _ => a
            .as_f64()
            .zip(b.as_f64())
            .and_then(|(a, b)| Number::from_f64(a + b)),
    };
    sum.ok_or_else(|| MethodError::value_error("the sum is too large"))
}

async fn sleep(call: Call) -> Result<f64, MethodError> {
    const PARAMETERS: &[Parameter] = &[Parameter::required("seconds")];
    let seconds: f64 = call.bind("sleep", PARAMETERS)?.take("seconds")?;
    let duration = Duration::try_from_secs_f64(seconds)
        .map_err(|_| MethodError::value_error("sleep length must be non-negative"))?;
    tokio::time::sleep(duration).await;
    Ok(seconds)
}

fn fail(call: &Call) -> Result<(), MethodError> {
    const PARAMETERS: &[Parameter] = &[
        Parameter::optional("module"),
        Parameter::optional("class"),
        Parameter::optional("message"),
        Parameter::optional("kwargs"),
    ];
    let mut arguments = call.bind("fail", PARAMETERS)?;
    let module: String = arguments.take_or("module", || "builtins".to_owned())?;
    let class: String = arguments.take_or("class", || "RuntimeError".to_owned())?;
    let message: String = arguments.take_or("message", || "asked to fail".to_owned())?;
    let mut failure = Failure::new(module, class, message);
    if let Some(kwargs) = arguments.take_raw("kwargs") {
        failure.kwargs = kwargs;
    }
    Err(failure.into())
}
