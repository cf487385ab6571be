<?php
// Reads lines of JSON [constraint, [normalized version, …]], and writes for each which versions meet the constraint
// (x), or null when composer/semver refuses it. Alternatives are matched one by one: put together, reversed ranges
// are merged with their neighbours into one that nothing meets.
spl_autoload_register(function (string $class): void {
    require '/usr/share/php/' . str_replace('\\', '/', $class) . '.php';
});
$parser = new Composer\Semver\VersionParser();
while (($line = fgets(STDIN)) !== false) {
    [$text, $versions] = json_decode($line, true, 512, JSON_THROW_ON_ERROR);
    try {
        $parser->parseConstraints($text);
        $alternatives = array_map([$parser, 'parseConstraints'], preg_split('{\s*\|\|?\s*}', trim($text)));
        $met = '';
        foreach ($versions as $version) {
            $one = new Composer\Semver\Constraint\Constraint('==', $version);
            $isMet = array_filter($alternatives, fn ($alternative) => $alternative->matches($one)) !== [];
            $met .= $isMet ? 'x' : '.';
        }
        echo json_encode($met), "\n";
    } catch (UnexpectedValueException $refused) {
        echo "null\n";
    }
}
