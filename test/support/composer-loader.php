<?php

use Composer\Autoload\AutoloadGenerator;
use Composer\DependencyResolver\Transaction;
use Composer\IO\NullIO;
use Composer\Json\JsonFile;
use Composer\Package\AliasPackage;
use Composer\Package\BasePackage;
use Composer\Package\Loader\ValidatingArrayLoader;
use Composer\Package\Locker;
use Composer\Repository\ComposerRepository;
use Composer\Script\Event;
use Composer\Semver\Constraint\MatchAllConstraint;

/**
 * A script of a project, which Composer runs in its own process: reads lines of JSON [package, document] from
 * documents.jsonl, and writes for each to thrown.jsonl what Composer throws when it loads all versions of that document
 * from a repository, puts them into a lock and reads them from there, and looks at what it would load of them; null when it doesn't.
 */
final class ComposerLoader
{
    public static function tell(Event $event): void
    {
        $thrown = fopen('thrown.jsonl', 'w');
        @mkdir('repository/p2/acme', 0777, true);
        $url = 'file://' . realpath('repository');
        $root = ['packages' => [], 'metadata-url' => "$url/p2/%package%.json"];
        file_put_contents('repository/packages.json', json_encode($root, JSON_UNESCAPED_SLASHES));
        file_put_contents('repository/p2/acme/log~dev.json', '{"packages":{"acme/log":[]}}');
        foreach (new SplFileObject('documents.jsonl') as $line) {
            if (trim($line) === '') {
                continue;
            }
            [$package, $document] = json_decode($line, false, 512, JSON_THROW_ON_ERROR);
            file_put_contents("repository/p2/$package.json", json_encode($document, JSON_UNESCAPED_SLASHES | JSON_PRESERVE_ZERO_FRACTION));
            $problem = null;
            try {
                self::use($event, $url, $package);
            } catch (Throwable $error) {
                $problem = get_class($error) . ': ' . substr($error->getMessage(), 0, 300);
            }
            fwrite($thrown, json_encode($problem, JSON_INVALID_UTF8_SUBSTITUTE) . "\n");
        }
        fclose($thrown);
    }

    private static function use(Event $event, string $url, string $package): void
    {
        $composer = $event->getComposer();
        $io = new NullIO();
        $downloader = $composer->getLoop()->getHttpDownloader();
        $repository = new ComposerRepository(['type' => 'composer', 'url' => $url], $io, $composer->getConfig(), $downloader);
        $loaded = $repository->loadPackages(
            [$package => new MatchAllConstraint()],
            BasePackage::$stabilities ?? BasePackage::STABILITIES,
            []
        )['packages'];
        // A project installs one version of a package.
        foreach ($loaded as $one) {
            if ($one instanceof AliasPackage) {
                continue;
            }
            // What a lock's transaction asks of each, where there is such a thing.
            if (method_exists(ValidatingArrayLoader::class, 'validatePackage')) {
                ValidatingArrayLoader::validatePackage($one);
            }
            new Transaction([], [$one]);
            @unlink('tried.lock');
            $locker = new Locker($io, new JsonFile('tried.lock', null, $io), $composer->getInstallationManager(), '{}');
            $locker->setLockData([$one], [], [], [], [], 'dev', [], false, false, []);
            $locked = $locker->getLockedRepository(true)->getPackages();
            new Transaction([], $locked);
            $generator = new AutoloadGenerator($composer->getEventDispatcher(), $io);
            $root = $composer->getPackage();
            $map = $generator->buildPackageMap($composer->getInstallationManager(), $root, array_filter($locked, static fn ($each) => !$each instanceof AliasPackage));
            $generator->parseAutoloads($map, $root);
        }
    }
}
