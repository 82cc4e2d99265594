"""`pricerange models`: the versions of a model repository, a parser and one call each."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from pricerange.errors import SettingsError
from pricerange.extras import extra
from pricerange.flags import (
    Decimal,
    Delimiter,
    Models,
    NullValues,
    SourceTimeout,
    Thousands,
    TrustedKeys,
    reading_of,
)

repository = typer.Typer(rich_markup_mode=None)


@dataclass(frozen=True, slots=True)
class _Group:
    """What stands before a subcommand's name, and holds unless it says otherwise itself."""

    models: Path
    trusted_keys: Path | None


Number = Annotated[int, typer.Argument(metavar="N", help="Model version", min=1)]
Why = Annotated[str, typer.Option(help="The reason, kept beside the version with your name and the date")]
Repository = Annotated[Path | None, typer.Option(help="Model repository  [default: models]")]


@repository.callback(invoke_without_command=True)
def list_models(
    context: typer.Context, models: Models = Path("models"), trusted_keys: TrustedKeys = None
) -> None:
    """List and verify model versions, and say which one is taken where none is named.

    That is the stable one of rollout.toml; without that file the newest promotable one. Each version is
    verified as by `serve`; the command fails if one of them is invalid. With --trusted-keys it also says who
    has signed them, and takes none that nobody has.
    """
    if context.invoked_subcommand:
        context.obj = _Group(models, trusted_keys)
        return
    from pricerange.listing import listed
    from pricerange.signature.trust import Trust

    refused = []
    for line, error in listed(models, Trust.of(trusted_keys)):
        typer.echo(line)
        if error is not None:
            refused.append(error)
    if refused:
        raise typer.Exit(refused[0].exit_code)


@repository.command()
def approve(context: typer.Context, number: Number, why: Why, models: Repository = None) -> None:
    """Make a version promotable, whatever its verdict says."""
    from pricerange.approval import Approval
    from pricerange.listing import verified

    version = verified(models or context.obj.models, number).bundle
    typer.echo(Approval.now("approved", why).write(version.path))


@repository.command()
def reject(context: typer.Context, number: Number, why: Why, models: Repository = None) -> None:
    """Keep a version from being taken where none is named, whatever its verdict says."""
    from pricerange import bundle
    from pricerange.approval import Approval

    # also one that is not whole, so that an older one can be taken
    typer.echo(Approval.now("rejected", why).write(bundle.find(models or context.obj.models, number)))


@repository.command()
def sign(
    context: typer.Context,
    number: Number,
    key: Annotated[Path | None, typer.Option(help="Private key: EC P-256, P-384 or P-521, PEM")] = None,
    sigstore: Annotated[
        bool, typer.Option("--sigstore", help="Sign without a key, as who you are to Sigstore")
    ] = False,
    models: Repository = None,
) -> None:
    """Sign a version: all its files but approval.json, by a signature beside them.

    What is signed is verified first, as by `serve`.
    """
    from pricerange.listing import verified

    with extra("sign"):
        from pricerange.signature import signing
    if (key is None) != sigstore:
        raise SettingsError("sign", "either --key or --sigstore", "both" if sigstore else "neither")
    version = verified(models or context.obj.models, number).bundle
    signer = signing.with_sigstore() if key is None else signing.with_key(key)
    typer.echo(signing.sign(version, signer))


@repository.command()
def verify(
    context: typer.Context,
    number: Number,
    trusted_keys: TrustedKeys = None,
    identity: Annotated[str | None, typer.Option(help="Who has signed with Sigstore")] = None,
    identity_provider: Annotated[
        str | None, typer.Option(help="URL of the OpenID Connect provider that vouches for --identity")
    ] = None,
    models: Repository = None,
) -> None:
    """Verify that a version is signed, with one of the trusted keys or by someone whom Sigstore knows."""
    from pricerange.listing import verified
    from pricerange.signature.trust import Trust

    if identity and identity_provider:
        with extra("sign"):
            from pricerange.signature import signing
        version = verified(models or context.obj.models, number).bundle
        signing.require_sigstore(version, identity, identity_provider)
        typer.echo(f"version {number} is signed by {identity}")
        return
    trust = Trust.of(trusted_keys or context.obj.trusted_keys)
    if trust is None or identity or identity_provider:
        expected = "either --trusted-keys, or --identity and --identity-provider"
        raise SettingsError("verify", expected, identity or identity_provider)
    typer.echo(
        f"version {number} is signed by {verified(models or context.obj.models, number, trust).signer}"
    )


@repository.command()
def pull(
    context: typer.Context,
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="Another model repository: a path or URI (file, s3, gs)")
    ],
    to: Annotated[Path | None, typer.Argument(metavar="[MODELS]", help="Model repository")] = None,
    version: Annotated[
        list[int] | None, typer.Option(min=1, help="Version to fetch, repeatable; all if omitted")
    ] = None,
    trusted_keys: TrustedKeys = None,
    source_timeout: SourceTimeout = 60,
) -> None:
    """Fetch versions that are missing here from another model repository, each whole, or not at all.

    Each is verified as by `serve`. A version that is here and is another is an error: then nothing changes.
    """
    from rich.console import Console

    from pricerange.repository.pull import Pull
    from pricerange.repository.source import Source
    from pricerange.signals import ended_by_signals
    from pricerange.signature.trust import Trust
    from pricerange.tables.source.uri import waited_for
    from pricerange.waiting import Patience

    pulling = Pull(
        Source.of(source, source_timeout),
        to or context.obj.models,
        Trust.of(trusted_keys or context.obj.trusted_keys),
    )
    patience = Patience(Console(stderr=True), waited_for([source], source_timeout))

    def tell(line: str) -> None:
        patience.heard()
        typer.echo(line)

    with ended_by_signals(), patience:
        pulling.run(version or (), tell)


@repository.command()
def rm(
    context: typer.Context,
    number: Number,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask")] = False,
    trusted_keys: TrustedKeys = None,
    models: Repository = None,
) -> None:
    """Remove a version that is neither taken where none is named nor named in rollout.toml."""
    from pricerange.repository.remove import remove
    from pricerange.signature.trust import Trust

    if not yes:
        typer.confirm(f"Remove version {number} from {models or context.obj.models}?", abort=True)
    remove(models or context.obj.models, number, Trust.of(trusted_keys or context.obj.trusted_keys))


@repository.command()
def diff(
    context: typer.Context,
    old: Annotated[int, typer.Argument(metavar="OLD", help="Model version", min=1)],
    new: Annotated[int, typer.Argument(metavar="NEW", help="Model version", min=1)],
    data: Annotated[
        list[str] | None,
        typer.Option(help="Phones that both shall answer: a file, glob, folder or URI, repeatable"),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of lines")] = False,
    models: Repository = None,
    delimiter: Delimiter = None,
    decimal: Decimal = None,
    thousands: Thousands = None,
    null_values: NullValues = None,
    source_timeout: SourceTimeout = 60,
) -> None:
    """Compare two versions: recipes, metrics, data, and with --data their answers."""
    from rich.console import Console

    from pricerange import bundle
    from pricerange.repository.diff import Answers, Difference
    from pricerange.repository.diff_text import as_json, as_lines
    from pricerange.tables.source.uri import waited_for
    from pricerange.waiting import Patience

    reading = reading_of(source_timeout, delimiter, decimal, thousands, null_values)
    one, other = (bundle.read(bundle.find(models or context.obj.models, number)) for number in (old, new))
    answers = None
    if data:
        with Patience(Console(stderr=True), waited_for(data, source_timeout)) as patience:
            answers = Answers.of((one, other), data, patience.heard, reading)
    difference = Difference.of(one, other)
    typer.echo(as_json(difference, answers) if json else "\n".join(as_lines(difference, answers)))
