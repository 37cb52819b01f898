//! generic-oidc: a token of a trusted issuer, and what it must say.

use api::notification::v1::OidcProvider;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use expr::{CompileError, Env, EvalError, Output, Program};
use serde_json::{Map, Value};

use super::keys::{self, Source, TokenError};
use super::validate::Attempt;

/// What a token is for, where the issuer does not say.
const AUDIENCE: &str = "notification-controller";

/// Why a caller is not believed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OidcError {
    #[error("the Authorization header is missing or malformed")]
    Header,
    #[error("the Authorization header is missing a bearer token")]
    Empty,
    #[error("failed to parse bearer token: {0}")]
    Token(&'static str),
    #[error("no oidcProvider configured for the token's issuer")]
    Issuer,
    #[error("failed to verify OIDC token: {0}")]
    Verify(#[from] TokenError),
    #[error("invalid oidcProvider configuration for issuer \"{issuer}\": {cause}")]
    Compile { issuer: String, cause: CompileError },
    #[error("failed to evaluate variable \"{name}\": {cause}")]
    Variable { name: String, cause: EvalError },
    #[error("failed to evaluate validation: {0}")]
    Validation(EvalError),
    #[error("token validation failed: {0}")]
    Refused(String),
}

/// The claims of the call's token.
pub(crate) async fn claims(attempt: &Attempt<'_>) -> Result<Value, OidcError> {
    let token = bearer(attempt.header("authorization"))?;
    let issuer = issuer(token)?;
    let mut providers = attempt.receiver.spec.oidc_providers.iter();
    let provider = providers.find(|provider| provider.issuer_url == issuer).ok_or(OidcError::Issuer)?;
    let audience = provider.audience.as_deref().filter(|audience| !audience.is_empty()).unwrap_or(AUDIENCE);
    let claims = keys::claims(attempt.clients, Source::Issuer(&issuer), token, audience).await?;
    if claims.get("iss").and_then(Value::as_str) != Some(issuer.as_str()) {
        return Err(OidcError::Issuer);
    }
    let claims = Value::Object(claims);
    judge(provider, &claims)?;
    Ok(claims)
}

fn bearer(header: &str) -> Result<&str, OidcError> {
    let token = header.strip_prefix("Bearer ").ok_or(OidcError::Header)?.trim();
    if token.is_empty() { Err(OidcError::Empty) } else { Ok(token) }
}

/// Says only whose keys to ask for; nothing is believed yet.
fn issuer(token: &str) -> Result<String, OidcError> {
    let [_, payload, _] = token.split('.').collect::<Vec<_>>()[..] else {
        return Err(OidcError::Token("token is not a JWT"));
    };
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(payload);
    let bytes = bytes.map_err(|_| OidcError::Token("failed to decode token payload"))?;
    let claims: Value =
        serde_json::from_slice(&bytes).map_err(|_| OidcError::Token("failed to parse token payload"))?;
    let issuer = claims["iss"].as_str().filter(|issuer| !issuer.is_empty());
    issuer.map(str::to_owned).ok_or(OidcError::Token("token is missing the 'iss' claim"))
}

/// Makes the variables in their order, then asks every validation.
fn judge(provider: &OidcProvider, claims: &Value) -> Result<(), OidcError> {
    let compile = |text: &str, env: &Env| {
        Program::compile(text, env)
            .map_err(|cause| OidcError::Compile { issuer: provider.issuer_url.clone(), cause })
    };
    let mut variables = Value::Object(Map::new());
    for variable in &provider.variables {
        let program = compile(&variable.expression, &env())?;
        let value = program.eval(&[("claims", claims), ("vars", &variables)]);
        let value = value.map_err(|cause| OidcError::Variable { name: variable.name.clone(), cause })?;
        variables[&variable.name] = value;
    }
    let mut refused = Vec::new();
    for validation in &provider.validations {
        let program = compile(&validation.expression, &env().giving(Output::Bool))?;
        let passed = program.eval_bool(&[("claims", claims), ("vars", &variables)]);
        if !passed.map_err(OidcError::Validation)? {
            refused.push(validation.message.as_str());
        }
    }
    if refused.is_empty() { Ok(()) } else { Err(OidcError::Refused(refused.join("; "))) }
}

fn env() -> Env {
    Env::with_variables(&["claims", "vars"])
}

/// Whether the expressions of all issuers are valid.
pub(crate) fn compile_all(providers: &[OidcProvider]) -> Result<(), String> {
    for (index, provider) in providers.iter().enumerate() {
        let at = format!("oidcProviders[{index}] (issuerURL=\"{}\")", provider.issuer_url);
        for variable in &provider.variables {
            Program::compile(&variable.expression, &env()).map_err(|error| {
                format!("{at}: invalid expression for variable \"{}\": {error}", variable.name)
            })?;
        }
        for validation in &provider.validations {
            Program::compile(&validation.expression, &env().giving(Output::Bool)).map_err(|error| {
                format!("{at}: invalid expression for validation \"{}\": {error}", validation.message)
            })?;
        }
    }
    Ok(())
}

/// What the schema demands too, for API servers that do not hold it.
pub(crate) fn check_spec(providers: &[OidcProvider]) -> Result<(), String> {
    for (index, provider) in providers.iter().enumerate() {
        let url = &provider.issuer_url;
        if url.is_empty() {
            return Err(format!("oidcProviders[{index}]: issuerURL is required"));
        }
        if !url.starts_with("http://") && !url.starts_with("https://") {
            return Err(format!(
                "oidcProviders[{index}]: issuerURL \"{url}\" must start with http:// or https://"
            ));
        }
        if providers[..index].iter().any(|other| other.issuer_url == *url) {
            return Err(format!("oidcProviders[{index}]: duplicate issuerURL \"{url}\""));
        }
        check_parts(provider)
            .map_err(|cause| format!("oidcProviders[{index}] (issuerURL=\"{url}\"): {cause}"))?;
    }
    Ok(())
}

fn check_parts(provider: &OidcProvider) -> Result<(), String> {
    if provider.validations.is_empty() {
        let why =
            "without validations any caller able to obtain a token from this issuer can trigger the Receiver";
        return Err(format!("at least one validation is required; {why}"));
    }
    for (index, variable) in provider.variables.iter().enumerate() {
        if variable.name.is_empty() {
            return Err(format!("variables[{index}]: name is required"));
        }
        if variable.expression.is_empty() {
            return Err(format!("variables[{index}] (name=\"{}\"): expression is required", variable.name));
        }
    }
    for (index, validation) in provider.validations.iter().enumerate() {
        if validation.expression.is_empty() {
            return Err(format!("validations[{index}]: expression is required"));
        }
        if validation.message.is_empty() {
            return Err(format!("validations[{index}]: message is required"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{check_spec, judge};
    use api::notification::v1::OidcProvider;
    use serde_json::{Value, json};

    fn provider(variables: Value, validations: Value) -> OidcProvider {
        let value = json!({"issuerURL": "https://i", "variables": variables, "validations": validations});
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn later_variables_see_the_earlier_ones() {
        let variables =
            json!([{"name": "a", "expression": "claims.repo"}, {"name": "b", "expression": "vars.a + '!'"}]);
        let provider = provider(variables, json!([{"expression": "vars.b == 'x!'", "message": "m"}]));
        assert!(judge(&provider, &json!({"repo": "x"})).is_ok());
        assert!(judge(&provider, &json!({"repo": "y"})).unwrap_err().to_string().ends_with("failed: m"));
        assert!(judge(&provider, &json!({})).is_err());
    }

    #[test]
    fn an_issuer_without_validations_is_refused() {
        let error = check_spec(&[provider(json!([]), json!([]))]).unwrap_err();
        assert!(error.contains("at least one validation is required"), "{error}");
    }
}
